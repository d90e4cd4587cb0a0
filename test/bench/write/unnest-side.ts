import { randomBytes } from 'node:crypto';
import { shardOf } from '#core/event/shard-of.js';
import { byteaArray, int2Array, int8Array, textArray } from '#io/postgres/binary-array.js';
import { closedLoop } from '../load/closed-loop.js';
import { entityId, writeLoad } from '../load/document-writes.js';
import { connectionsTo } from '../side/connections.js';
import { serveSide } from '../side/serve-side.js';
import { batchSession, batchStatement } from './peer-tables.js';
import type { PeerAnswer, PeerSettings } from './rows-side.js';

export interface UnnestOrder {
  readonly connections: number;
  /** Events per statement. */
  readonly batch: number;
  readonly seconds: number;
}

/**
 * The limit: nothing but the prepared statement, in a loop. It decides nothing, encodes no event, hashes nothing, has no
 * fence, no mutation record and no cursor, and publishes nothing.
 */
serveSide<PeerSettings, UnnestOrder, PeerAnswer>(
  async ({ postgresUrl, schema, sizes, shards, load: options }) => {
    const text = batchStatement(schema);
    const load = writeLoad(options);
    const [hash, event, state, value] = [32, sizes.eventBytes, sizes.stateBytes, sizes.valueBytes].map(
      (count) => randomBytes(count),
    );
    const pool = connectionsTo(postgresUrl, batchSession);
    let seq = 0;

    /** No two connections touch one entity, as no two lanes of Atoll do: they would wait for each other's row locks. */
    const idsFor = (lane: number, connections: number, batch: number): string[] => {
      const ids: string[] = [];
      while (ids.length < batch) {
        const rank = load.nextEntity();
        if (rank % connections === lane) ids.push(entityId(rank));
      }
      return ids;
    };

    const statement = (ids: readonly string[]): Buffer[] => {
      const shardsOf = (of: readonly string[]): number[] =>
        of.map((id) => shardOf({ type: 'document', id }, shards));
      const touched = [...new Set(ids)];
      const each = <T>(of: readonly unknown[], cell: T): T[] => of.map(() => cell);
      return [
        int8Array(ids.map(() => (seq += 1))),
        int2Array(shardsOf(ids)),
        textArray(ids),
        byteaArray(each(ids, hash ?? null)),
        byteaArray(each(ids, event ?? null)),
        int2Array(shardsOf(touched)),
        textArray(touched),
        byteaArray(each(touched, state ?? null)),
        byteaArray(each(touched, value ?? null)),
      ];
    };

    return {
      carryOut: ({ connections, batch, seconds }) =>
        pool.with(connections, async (clients) => {
          const cpu = process.cpuUsage();
          const result = await closedLoop({
            inFlight: connections,
            seconds,
            async act(lane) {
              const values = statement(idsFor(lane, connections, batch));
              await clients[lane]?.query({ name: 'batch', text, values });
            },
          });
          const { user, system } = process.cpuUsage(cpu);
          return { ...result, writes: result.writes * batch, cpuMicros: user + system };
        }),
      close: () => pool.close(),
    };
  },
);
