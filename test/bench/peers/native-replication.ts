import { randomBytes } from 'node:crypto';
import { asked } from '../servers.js';

/** Postgres' own logical replication of a schema's tables from one database to another. */
export interface NativeReplication {
  /** Lets the apply worker go on. */
  resume(): Promise<void>;
  pause(): Promise<void>;
  /** Nothing of it is left: a slot would keep the log of the server for ever. */
  stop(): Promise<void>;
}

/**
 * Publishes the peers' tables `event` and `entity` of a schema and subscribes to them, as one would do it for two
 * writable databases: `origin = none`, so that what came from there does not go back. Otherwise all as by default.
 */
export async function startNativeReplication(
  fromUrl: string,
  toUrl: string,
  schema: string,
): Promise<NativeReplication> {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  await asked(fromUrl, `create publication ${name} for table ${schema}.event, ${schema}.entity`);
  // From a database of the same server a subscription cannot make its slot: it would wait for its own transaction.
  await asked(
    toUrl,
    `create subscription ${name} connection '${fromUrl}' publication ${name} with (origin = none, copy_data = false)`,
  );
  return {
    resume: async () => void (await asked(toUrl, `alter subscription ${name} enable`)),
    pause: async () => void (await asked(toUrl, `alter subscription ${name} disable`)),
    async stop() {
      await asked(toUrl, `drop subscription ${name}`);
      await asked(fromUrl, `drop publication ${name}`);
    },
  };
}
