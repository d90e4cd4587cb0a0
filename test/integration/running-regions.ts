import { randomBytes } from 'node:crypto';
import { attachStack, type DevStack, type StackDescriptor } from '#io/devstack/stack.js';
import { createJsonLog } from '#io/telemetry/json-log.js';
import { readSettings } from '#region/config/read-settings.js';
import { startRegion, type RunningRegion } from '#region/start-region.js';
import { freePort } from '../rim/free-port.js';
import { OwnDatabase } from './own-database.js';
import { until } from './until.js';

export { OwnDatabase };

const declaration = new URL('../rim/rim-declaration.ts', import.meta.url).pathname;
const readyMillisMax = 60_000;

/**
 * Whole regions, each one process, in this one: real Postgres (a database of this suite's own), real Kafka, real gRPC through the
 * stack's links. Keys are new, so that records which other suites left on the topics are refused like any foreigner's.
 */
export class RunningRegions {
  private readonly databases = new Map<string, OwnDatabase>();
  private readonly running = new Map<string, RunningRegion>();
  readonly logged: string[] = [];

  private constructor(readonly stack: DevStack) {}

  static async started(descriptor: StackDescriptor, regions: readonly string[]): Promise<RunningRegions> {
    const suite = new RunningRegions(attachStack(descriptor));
    const keys = regions.map((region) => `${region}=${randomBytes(32).toString('base64')}`).join(';');
    const ports = new Map<string, number>();
    for (const region of regions) ports.set(region, await freePort());
    await Promise.all(
      regions.map((region) => suite.start(region, { regions, keys, grpcPort: ports.get(region) ?? 0 })),
    );
    return suite;
  }

  at(region: string): RunningRegion {
    const found = this.running.get(region);
    if (found === undefined) throw new Error(`${region} does not run`);
    return found;
  }

  /** Of the suite's own database in that region. */
  databaseUrl(region: string): string {
    const database = this.databases.get(region);
    if (database === undefined) throw new Error(`${region} has no database`);
    return database.url;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((region) => region.stop()));
    await Promise.all([...this.databases.values()].map((database) => database.drop()));
  }

  private async start(region: string, { regions, keys, grpcPort }: Start): Promise<void> {
    const { stack } = this;
    const database = await OwnDatabase.created(stack.descriptor, region);
    this.databases.set(region, database);
    await stack.grpcTarget(region, grpcPort);
    const others = regions.filter((other) => other !== region);
    const settings = await readSettings({
      ATOLL_REGION: region,
      ATOLL_POSTGRES_URL: database.url,
      ATOLL_KAFKA: regions
        .map((other) => `${other}=${stack.region(other).kafkaBrokersFrom(region).join(',')}`)
        .join(';'),
      ATOLL_PEERS: others.map((other) => `${other}=${stack.region(other).grpcFrom(region)}`).join(';'),
      ATOLL_HTTP: '127.0.0.1:0',
      ATOLL_GRPC: `127.0.0.1:${grpcPort}`,
      ATOLL_CONFIG: declaration,
      ATOLL_PEER_KEYS: keys,
      ATOLL_SHARDS: '16',
    });
    const log = createJsonLog({
      level: 'warn',
      always: { region },
      write: (line) => this.logged.push(line),
      now: () => new Date(),
    });
    const running = await startRegion(settings, log, '0.0.0');
    this.running.set(region, running);
    await until(() => running.api.isReady(), { millisMax: readyMillisMax });
  }
}

interface Start {
  readonly regions: readonly string[];
  readonly keys: string;
  readonly grpcPort: number;
}
