import { join } from 'node:path';
import { createRegionClient, type RegionClient } from '#client/region-client.js';
import { startStack, type OwnedDevStack } from '#io/devstack/stack.js';
import type { Latency } from '#io/devstack/delay-matrix.js';
import { usage } from '../terminal/exit.js';
import { regionProgram } from './programs.js';
import { startRegionProcess, type RegionProcess } from './region-process.js';
import { peerKeysFor, processPorts } from './region-settings.js';

export interface DevOptions {
  readonly regions: readonly string[];
  readonly latency: Latency;
  readonly portBase: number;
  readonly persist?: string;
  readonly processesPerRegion: number;
  /** Path of the compiled module of entity types. */
  readonly config: string;
  /** Further variables of the region processes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told each step when it is done, with its milliseconds; notes took none. */
  readonly onStep: (step: string, millis: number) => void;
}

/** A dev stack with its region processes. */
export interface Dev {
  readonly stack: OwnedDevStack;
  readonly processes: readonly RegionProcess[];
  /** One client per region, to its first process. */
  readonly clients: readonly RegionClient[];
  /** Whether all of it is about to end. */
  isStopping(): boolean;
  /** Ends everything and leaves nothing behind. May be called more than once, also while starting. */
  stop(): Promise<void>;
}

const readyMillisMax = 60_000;
/** What a region process gets to finish what it has committed. Its data is safe without. */
const graceMillis = 1_500;

/**
 * Starts the stack, then the region processes; when anything fails, nothing is left behind.
 *
 * A signal ends the stack and then this process, at any time from the start on: the stack sees to that, and ends what
 * works in its directory, which the region processes do. They are asked first.
 */
export async function runDev(options: DevOptions): Promise<Dev> {
  const { regions, latency, portBase, persist, onStep } = options;
  const stack = await startStack({
    regions,
    latency,
    portBase,
    ...(persist === undefined ? {} : { persist }),
    onProgress: onStep,
    handleSignals: true,
  });
  const processes: RegionProcess[] = [];
  const clients: RegionClient[] = [];
  let stopping: Promise<void> | undefined;
  let signalled = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      signalled = true;
      for (const one of processes) one.signal('SIGTERM');
    });
  }
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      for (const client of clients) client.close();
      await Promise.allSettled(processes.map((one) => one.stop(graceMillis)));
      await stack.stop();
    })());
  try {
    const started = await startProcesses(stack, options, (one) => processes.push(one));
    // In the order of the regions, whichever was ready first.
    processes.splice(0, processes.length, ...started);
    clients.push(...clientsOf(stack, started));
    return { stack, processes, clients, isStopping: () => signalled || stopping !== undefined, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startProcesses(
  stack: OwnedDevStack,
  options: DevOptions,
  onStarted: (started: RegionProcess) => void,
): Promise<readonly RegionProcess[]> {
  const { regions, persist, processesPerRegion, config, environment, onStep } = options;
  const keys = peerKeysFor(regions, persist);
  const wanted = regions.flatMap((region) =>
    Array.from({ length: processesPerRegion }, (_, index) => ({ region, index })),
  );
  const results = await Promise.allSettled(
    wanted.map(async ({ region, index }) => {
      const ports = processPorts(stack, region, index);
      if (ports === undefined)
        throw usage(`${processesPerRegion} processes per region have too few ports: ask for fewer`);
      const name = `${region}-${index + 1}`;
      const begun = performance.now();
      const started = await startRegionProcess({
        ...{ stack, region, ports, keys, config, name, program: regionProgram, readyMillisMax },
        logFile: join(stack.descriptor.logDirectory, `${name}.log`),
        ...(environment === undefined ? {} : { more: environment }),
      });
      onStarted(started);
      onStep(`start region ${name}`, Math.round(performance.now() - begun));
      return started;
    }),
  );
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function clientsOf(stack: OwnedDevStack, processes: readonly RegionProcess[]): readonly RegionClient[] {
  return stack.regions.map(({ region }) => {
    const first = processes.find((one) => one.region === region);
    return createRegionClient({ region, url: first?.httpUrl ?? '' });
  });
}
