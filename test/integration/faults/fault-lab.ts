import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readLinks, readQuarantine, readTopology } from '#client/admin.js';
import { createRegionClient, type RegionClient } from '#client/region-client.js';
import { healAll, pairsOf } from '#cli/dev/links.js';
import { projectRoot, regionProgram } from '#cli/dev/programs.js';
import { startRegionProcess, type RegionProcess } from '#cli/dev/region-process.js';
import { peerKeysFor, processPorts, type ProcessPorts } from '#cli/dev/region-settings.js';
import { delayBetween, loadDelayMatrix, type Latency } from '#io/devstack/delay-matrix.js';
import { attachStack, type DevStack, type StackDescriptor } from '#io/devstack/stack.js';
import { OwnDatabase } from '../own-database.js';

export interface FaultLabOptions {
  /** Of the shared stack. */
  readonly regions: readonly string[];
  /** Delay of the links while the lab is open. */
  readonly latency: Latency;
  /** Service processes by region; one where nothing is said. */
  readonly processes?: Readonly<Record<string, number>>;
  /** Path of the compiled entity types; the eventual ones of the tour where nothing is said. */
  readonly config?: string;
}

/** Real regions in which things can be broken: services, servers and links. */
export interface FaultLab {
  readonly stack: DevStack;
  readonly regions: readonly string[];
  /** MAC keys of the members, base64. */
  readonly keys: Readonly<Record<string, string>>;
  databaseUrl(region: string): string;
  /** One client per service process, in the order of the processes. */
  clientsOf(region: string): readonly RegionClient[];
  /** The client of the first process. */
  client(region: string): RegionClient;
  /** The client of the first process of each region. */
  readonly clients: readonly RegionClient[];
  /** The process, by its number in the region from 0. */
  service(region: string, index?: number): RegionProcess;
  /** Kills a service process at once and waits until it is gone. */
  killService(region: string, index?: number): Promise<void>;
  /** Starts a service process that was killed, and waits until it is ready. */
  startService(region: string, index?: number): Promise<void>;
  /** Where the stack keeps a region's data. */
  dataDirectory(region: string): string;
  /** Sum of a counter over the processes of a region. */
  counter(region: string, name: string): Promise<number>;
  /** How every region is, for a person who wonders why a test failed. */
  diagnosis(): Promise<string>;
  /** Stops the services, and leaves the shared stack as it was found. */
  close(): Promise<void>;
}

/** Starts services on the shared stack, in databases and with keys of their own: what other suites left is not theirs. */
export async function openFaultLab(descriptor: StackDescriptor, options: FaultLabOptions): Promise<FaultLab> {
  await build();
  const { regions } = options;
  const stack = attachStack(descriptor);
  const lab = new Lab(stack, options, await createDatabases(descriptor, regions));
  try {
    await setDelays(stack, options.latency);
    await Promise.all(regions.map((region) => stack.grpcTarget(region, stack.region(region).ports.grpc)));
    const all = regions.flatMap((region) => lab.clientsOf(region).map((_, index) => ({ region, index })));
    await Promise.all(all.map(({ region, index }) => lab.startService(region, index)));
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

type Databases = ReadonlyMap<string, OwnDatabase>;

async function createDatabases(descriptor: StackDescriptor, regions: readonly string[]): Promise<Databases> {
  const created = regions.map(
    async (region) => [region, await OwnDatabase.created(descriptor, region)] as const,
  );
  return new Map(await Promise.all(created));
}

class Lab implements FaultLab {
  readonly regions: readonly string[];
  readonly clients: readonly RegionClient[];
  readonly keys: Readonly<Record<string, string>>;
  readonly #running = new Map<string, RegionProcess>();
  readonly #clients: ReadonlyMap<string, readonly RegionClient[]>;
  readonly #config: string;
  readonly #run = randomBytes(3).toString('hex');

  constructor(
    readonly stack: DevStack,
    options: FaultLabOptions,
    private readonly databases: Databases,
  ) {
    this.regions = options.regions;
    this.#config = options.config ?? labConfig;
    this.keys = peerKeysFor(options.regions, undefined);
    this.#clients = new Map(
      options.regions.map((region) => [
        region,
        Array.from({ length: options.processes?.[region] ?? 1 }, (_, index) =>
          createRegionClient({
            region,
            url: `http://127.0.0.1:${this.#portsOf(region, index).http}`,
            timeoutMillis: 4_000,
          }),
        ),
      ]),
    );
    this.clients = options.regions.map((region) => this.client(region));
  }

  databaseUrl(region: string): string {
    const database = this.databases.get(region);
    if (database === undefined) throw new Error(`the lab has no region ${region}`);
    return database.url;
  }

  clientsOf(region: string): readonly RegionClient[] {
    return this.#clients.get(region) ?? [];
  }

  client(region: string): RegionClient {
    const [client] = this.clientsOf(region);
    if (client === undefined) throw new Error(`the lab has no region ${region}`);
    return client;
  }

  service(region: string, index = 0): RegionProcess {
    const found = this.#running.get(nameOf(region, index));
    if (found === undefined) throw new Error(`${nameOf(region, index)} has not been started`);
    return found;
  }

  async killService(region: string, index = 0): Promise<void> {
    const victim = this.service(region, index);
    victim.signal('SIGKILL');
    await victim.ended;
  }

  async startService(region: string, index = 0): Promise<void> {
    const name = nameOf(region, index);
    const { stack, keys, regions } = this;
    const started = await startRegionProcess({
      ...{ stack, region, keys, name, ports: this.#portsOf(region, index), members: regions },
      ...{ config: this.#config, program: regionProgram, readyMillisMax: 60_000 },
      logFile: join(stack.descriptor.logDirectory, `faults-${this.#run}-${name}.log`),
      more: { ATOLL_POSTGRES_URL: this.databaseUrl(region) },
    });
    this.#running.set(name, started);
  }

  dataDirectory(region: string): string {
    return join(dirname(this.stack.descriptor.controlSocket), 'data', region);
  }

  async counter(region: string, name: string): Promise<number> {
    const texts = await Promise.all(this.clientsOf(region).map((client) => client.text('/metrics')));
    return texts.reduce((sum, text) => sum + sumOf(text, `atoll_${name}`), 0);
  }

  async diagnosis(): Promise<string> {
    const parts = this.regions.map(async (region) => {
      const client = this.client(region);
      const status = await Promise.all([
        readTopology(client),
        readLinks(client),
        readQuarantine(client),
      ]).catch((error: unknown) => String(error));
      const logs = [...this.#running.values()]
        .filter((one) => one.region === region)
        .map(({ logFile }) =>
          readFileSync(logFile, 'utf8').trim().split('\n').slice(-logLinesShown).join('\n'),
        );
      return `${region}: ${JSON.stringify(status)}\n${logs.join('\n')}`;
    });
    return (await Promise.all(parts)).join('\n\n');
  }

  async close(): Promise<void> {
    for (const clients of this.#clients.values()) for (const client of clients) client.close();
    for (const one of this.#running.values()) if (one.isRunning()) one.signal('SIGCONT');
    await Promise.all([...this.#running.values()].map((one) => one.stop(500)));
    await healAll(this.stack);
    await setDelays(this.stack, 'none');
    for (const region of this.regions) {
      for (const part of ['postgres', 'kafka'] as const) await this.stack.start(region, part);
    }
    await Promise.all([...this.databases.values()].map((database) => database.drop()));
  }

  #portsOf(region: string, index: number): ProcessPorts {
    const ports = processPorts(this.stack, region, index);
    if (ports === undefined) throw new Error(`no ports for process ${index} of ${region}`);
    return ports;
  }
}

const logLinesShown = 12;
const labConfig = join(projectRoot(), 'dist', 'test', 'integration', 'faults', 'lab.config.js');

function nameOf(region: string, index: number): string {
  return `${region}-${index + 1}`;
}

async function setDelays(stack: DevStack, latency: Latency): Promise<void> {
  const matrix = loadDelayMatrix(latency);
  for (const [from, to] of pairsOf(stack))
    await stack.link(from, to).setDelay(delayBetween(matrix, from, to));
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
