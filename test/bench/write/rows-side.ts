import { randomBytes } from 'node:crypto';
import { shardOf } from '#core/event/shard-of.js';
import { closedLoop, type ClosedLoopResult } from '../load/closed-loop.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { connectionsTo, durableSession } from '../side/connections.js';
import { serveSide } from '../side/serve-side.js';
import { rowStatement, type RowSizes } from './peer-tables.js';

export interface PeerSettings {
  readonly postgresUrl: string;
  /** Where its tables are. */
  readonly schema: string;
  readonly sizes: RowSizes;
  readonly shards: number;
  readonly load: WriteLoadOptions;
}

export interface RowsOrder {
  readonly connections: number;
  readonly seconds: number;
}

export interface PeerAnswer extends ClosedLoopResult {
  readonly cpuMicros: number;
}

/**
 * What one would write first: each command is one transaction that inserts its event and upserts the entity's state, as
 * one prepared statement, and one round trip, per connection at a time.
 */
serveSide<PeerSettings, RowsOrder, PeerAnswer>(
  async ({ postgresUrl, schema, sizes, shards, load: options }) => {
    const text = rowStatement(schema);
    const load = writeLoad(options);
    // Made once: encoding and hashing would be the peer's own cost, and it is given none.
    const [hash, event, state, value] = [32, sizes.eventBytes, sizes.stateBytes, sizes.valueBytes].map(
      (count) => randomBytes(count),
    );
    const pool = connectionsTo(postgresUrl, durableSession);
    let seq = 0;

    return {
      carryOut: ({ connections, seconds }) =>
        pool.with(connections, async (clients) => {
          const cpu = process.cpuUsage();
          const result = await closedLoop({
            inFlight: connections,
            seconds,
            async act(lane) {
              const id = entityId(load.nextEntity());
              const shard = shardOf({ type: 'document', id }, shards);
              const values = [(seq += 1), shard, 'document', id, hash, event, state, value];
              await clients[lane]?.query({ name: 'row', text, values });
            },
          });
          const { user, system } = process.cpuUsage(cpu);
          return { ...result, cpuMicros: user + system };
        }),
      close: () => pool.close(),
    };
  },
);
