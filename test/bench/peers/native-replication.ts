import { randomBytes } from 'node:crypto';
import { asked } from '../servers.js';

/** Postgres' own logical replication of a schema's tables from one database to another. */
export interface NativeReplication {
  /** Lets the apply worker go on. */
  resume(): Promise<void>;
  pause(): Promise<void>;
  /** `synchronous_commit` of the apply worker; `off` by default. */
  commits(how: 'on' | 'off'): Promise<void>;
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
  await asked(
    toUrl,
    `create subscription ${name} connection '${fromUrl}' publication ${name} with (origin = none, copy_data = false)`,
  );
  return {
    resume: async () => void (await asked(toUrl, `alter subscription ${name} enable`)),
    pause: async () => void (await asked(toUrl, `alter subscription ${name} disable`)),
    commits: async (how) =>
      void (await asked(toUrl, `alter subscription ${name} set (synchronous_commit = ${how})`)),
    async stop() {
      await asked(toUrl, `drop subscription ${name}`);
      await asked(fromUrl, `drop publication ${name}`);
    },
  };
}
