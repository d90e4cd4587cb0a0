import { randomBytes } from 'node:crypto';
import { createJsonLog } from '#io/telemetry/json-log.js';
import { readSettings } from '#region/config/read-settings.js';
import { startRegion } from '#region/start-region.js';
import { serveSide } from '../side/serve-side.js';
import { freeAddress } from '../servers.js';

export interface ServedSettings {
  readonly region: string;
  readonly postgresUrl: string;
  readonly brokers: readonly string[];
  readonly shards: number;
  readonly driver: string;
}

/** Where it listens, or what it has spent since it started. */
export type ServedOrder = { readonly kind: 'addresses' } | { readonly kind: 'spent' };

export interface ServedAnswer {
  /** Base URL. */
  readonly http: string;
  /** `host:port` */
  readonly grpc: string;
  readonly cpuMicros: number;
}

const readyPollMillis = 25;

/** The service as its users run it: the whole process of a region, with HTTP and gRPC in front. */
serveSide<ServedSettings, ServedOrder, ServedAnswer>(async (settings) => {
  const { region, postgresUrl, brokers, shards, driver } = settings;
  const read = await readSettings({
    ATOLL_REGION: region,
    ATOLL_POSTGRES_URL: postgresUrl,
    ATOLL_KAFKA: `${region}=${brokers.join(',')}`,
    ATOLL_KAFKA_DRIVER: driver,
    ATOLL_PEERS: '',
    ATOLL_HTTP: await freeAddress(),
    ATOLL_GRPC: await freeAddress(),
    ATOLL_CONFIG: new URL('../region/bench-types.js', import.meta.url).pathname,
    ATOLL_PEER_KEYS: `${region}=${randomBytes(32).toString('base64')}`,
    ATOLL_SHARDS: String(shards),
  });
  const log = createJsonLog({
    level: 'warn',
    always: { region },
    write: (line) => void process.stderr.write(line),
    now: () => new Date(),
  });
  const running = await startRegion(read, log, '0.0.0');
  while (!(await running.api.isReady())) await new Promise((resolve) => setTimeout(resolve, readyPollMillis));
  return {
    carryOut() {
      const { user, system } = process.cpuUsage();
      return Promise.resolve({ http: running.http, grpc: running.grpc, cpuMicros: user + system });
    },
    close: () => running.stop(),
  };
});
