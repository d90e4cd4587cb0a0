import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createRegionClient, type RegionClient } from '#client/region-client.js';
import { projectRoot, regionProgram, tourConfig } from '#cli/dev/programs.js';
import { startRegionProcess, type RegionProcess } from '#cli/dev/region-process.js';
import { peerKeysFor, processPorts } from '#cli/dev/region-settings.js';
import type { Latency } from '#io/devstack/delay-matrix.js';
import { startStack, type OwnedDevStack } from '#io/devstack/stack.js';

/** Polls until the condition holds; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

export interface FaultLabOptions {
  readonly regions: readonly string[];
  readonly latency: Latency;
  /** Service processes by region; one where nothing is said. */
  readonly processes?: Readonly<Record<string, number>>;
}

/** Real regions in which things can be broken: services, servers and links. */
export interface FaultLab {
  readonly stack: OwnedDevStack;
  readonly regions: readonly string[];
  /** One client per service process, in the order of the processes. */
  clientsOf(region: string): readonly RegionClient[];
  /** The client of the first process of each region. */
  readonly clients: readonly RegionClient[];
  /** The running process, by its number in the region from 0. */
  service(region: string, index?: number): RegionProcess;
  /** Kills a service process at once and waits until it is gone. */
  killService(region: string, index?: number): Promise<void>;
  /** Starts a service process that was killed, and waits until it is ready. */
  startService(region: string, index?: number): Promise<void>;
  /** Where the stack keeps a region's data. */
  dataDirectory(region: string): string;
  /** Sum of a counter over the processes of a region. */
  counter(region: string, name: string): Promise<number>;
  close(): Promise<void>;
}

/** Starts a stack of its own and the services of all regions, from the compiled programs. */
export async function openFaultLab(options: FaultLabOptions): Promise<FaultLab> {
  await build();
  const { regions, latency } = options;
  const stack = await startStack({ regions, latency, portBase: 0 });
  const keys = peerKeysFor(regions, undefined);
  const running = new Map<string, RegionProcess>();
  const countOf = (region: string): number => options.processes?.[region] ?? 1;
  const nameOf = (region: string, index: number): string => `${region}-${index + 1}`;
  const portsOf = (region: string, index: number) => {
    const ports = processPorts(stack, region, index);
    if (ports === undefined) throw new Error(`no ports for process ${index} of ${region}`);
    return ports;
  };
  const startService = async (region: string, index = 0): Promise<void> => {
    const name = nameOf(region, index);
    const started = await startRegionProcess({
      ...{
        stack,
        region,
        keys,
        name,
        ports: portsOf(region, index),
        config: tourConfig,
        program: regionProgram,
      },
      ...{ readyMillisMax: 60_000, logFile: join(stack.descriptor.logDirectory, `${name}.log`) },
    });
    running.set(name, started);
  };
  const service = (region: string, index = 0): RegionProcess => {
    const found = running.get(nameOf(region, index));
    if (found === undefined) throw new Error(`${nameOf(region, index)} has not been started`);
    return found;
  };
  const clients = new Map(
    regions.map((region) => [
      region,
      Array.from({ length: countOf(region) }, (_, index) =>
        createRegionClient({
          region,
          url: `http://127.0.0.1:${portsOf(region, index).http}`,
          timeoutMillis: 4_000,
        }),
      ),
    ]),
  );
  const clientsOf = (region: string): readonly RegionClient[] => clients.get(region) ?? [];
  const close = async (): Promise<void> => {
    for (const one of clients.values()) for (const client of one) client.close();
    for (const one of running.values()) if (one.isRunning()) one.signal('SIGCONT');
    await Promise.all([...running.values()].map((one) => one.stop(500)));
    await stack.stop();
  };
  try {
    const all = regions.flatMap((region) =>
      Array.from({ length: countOf(region) }, (_, index) => ({ region, index })),
    );
    await Promise.all(all.map(({ region, index }) => startService(region, index)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    stack,
    regions,
    clientsOf,
    clients: regions.flatMap((region) => clientsOf(region).slice(0, 1)),
    service,
    async killService(region, index = 0) {
      const victim = service(region, index);
      victim.signal('SIGKILL');
      await victim.ended;
    },
    startService,
    dataDirectory: (region) => join(dirname(stack.descriptor.controlSocket), 'data', region),
    async counter(region, name) {
      const texts = await Promise.all(clientsOf(region).map((client) => client.text('/metrics')));
      return texts.reduce((sum, text) => sum + sumOf(text, `atoll_${name}`), 0);
    },
    close,
  };
}

/** Children run what was compiled: it must be what the sources say. */
async function build(): Promise<void> {
  const script = new URL(`file://${join(projectRoot(), 'scripts', 'build.mjs')}`).href;
  const { buildIfNeeded } = (await import(script)) as { readonly buildIfNeeded: () => Promise<void> };
  await buildIfNeeded();
}

/** Sums all series of one metric in Prometheus' text form. */
function sumOf(text: string, name: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
