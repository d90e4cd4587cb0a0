import { randomBytes } from 'node:crypto';
import pg from 'pg';
import {
  attachStack,
  startStack,
  type DevStack,
  type StackDescriptor,
  type StackRegion,
} from '#io/devstack/stack.js';
import { treeMicros } from './process-times.js';
import { freePort } from '../rim/free-port.js';

/** Three regions' servers for all benches of a run. */
export interface BenchServers {
  readonly near: StackRegion;
  readonly far: StackRegion;
  readonly third: StackRegion;
  /** Their links: what stands between the two can be slowed and cut. */
  readonly stack: DevStack;
  /** A new database on that region's Postgres: no bench sees another one's rows. It goes with the run. */
  newDatabase(place: StackRegion): Promise<string>;
  /** What the region's servers spend while something runs. */
  metered<T>(place: StackRegion, work: () => Promise<T>): Promise<Metered<T>>;
  /** Process ids of all servers that are ours. */
  pids(): Promise<readonly number[]>;
  /** Of the server itself. */
  versions(): Promise<{ readonly postgres: string; readonly settings: Readonly<Record<string, string>> }>;
  close(): Promise<void>;
}

export interface Metered<T> {
  readonly result: T;
  /** CPU time; `undefined` where the system does not tell, or the server is not ours. */
  readonly postgresMicros: number | undefined;
  readonly kafkaMicros: number | undefined;
  /** Write-ahead log of the whole server. */
  readonly walBytes: number;
}

/** Starts a dev stack without delays, or uses a running one of at least three regions by its descriptor. */
export async function openServers(
  descriptor: StackDescriptor | undefined,
  tell: (step: string) => void,
): Promise<BenchServers> {
  if (descriptor !== undefined) return serversOf(attachStack(descriptor), () => Promise.resolve());
  const stack = await startStack({
    regions: ['near', 'far', 'third'],
    portBase: 0,
    latency: 'none',
    // As a server of this size is set: else each side begins by writing out the pages of the one before it.
    postgresSettings: { shared_buffers: '1GB' },
    handleSignals: true,
    onProgress: (step, millis) => tell(`${step} (${(millis / 1000).toFixed(1)} s)`),
  });
  return serversOf(stack, () => stack.stop());
}

function serversOf(stack: DevStack, stop: () => Promise<void>): BenchServers {
  const [near, far, third] = stack.regions;
  if (near === undefined || far === undefined || third === undefined)
    throw new Error('the benches need a stack of three regions');
  const made: { readonly place: StackRegion; readonly name: string }[] = [];
  const pids = async (place: StackRegion) => ({
    postgres: await stack.pid(place.region, 'postgres'),
    kafka: await stack.pid(place.region, 'kafka'),
  });
  return {
    near,
    far,
    third,
    stack,
    async newDatabase(place) {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      await asked(place.postgresUrl, `create database ${name}`);
      made.push({ place, name });
      const url = new URL(place.postgresUrl);
      url.pathname = `/${name}`;
      return url.href;
    },
    async metered(place, work) {
      const { postgres, kafka } = await pids(place);
      const read = async () => ({
        postgres: treeMicros(postgres),
        kafka: treeMicros(kafka),
        wal: Number((await asked(place.postgresUrl, walPosition))[0]?.['position']),
      });
      const before = await read();
      const result = await work();
      const after = await read();
      return {
        result,
        postgresMicros: difference(after.postgres, before.postgres),
        kafkaMicros: difference(after.kafka, before.kafka),
        walBytes: after.wal - before.wal,
      };
    },
    async pids() {
      const all = await Promise.all(stack.regions.map(pids));
      return all.flatMap(({ postgres, kafka }) => [postgres, kafka]).filter((pid) => pid !== undefined);
    },
    async versions() {
      const rows = await asked(near.postgresUrl, serverSettings);
      const settings = Object.fromEntries(rows.map(({ name, setting }) => [String(name), String(setting)]));
      return { postgres: settings['server_version'] ?? 'unknown', settings };
    },
    async close() {
      // Servers that go take their databases along; those of somebody else must not keep ours.
      for (const { place, name } of made)
        await asked(place.postgresUrl, `drop database if exists ${name} with (force)`);
      await stop();
    },
  };
}

const walPosition = `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as position`;

/** What decides about durability and speed, for the report. */
const serverSettings = `
  select name, current_setting(name) as setting from pg_settings
  where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers',
    'max_wal_size', 'checkpoint_timeout', 'jit')`;

/** Runs one statement over a connection of its own. */
export async function asked(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

/** A port of the loopback address that nobody listens on at the moment, as `host:port`. */
export async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
