import { randomUUID } from 'node:crypto';
import { closedLoop } from '../load/closed-loop.js';
import { entityId, writeLoad } from '../load/document-writes.js';
import { connectionsTo, durableSession } from '../side/connections.js';
import { serveSide } from '../side/serve-side.js';
import { emmettTables } from './emmett-tables.js';
import type { PeerAnswer, PeerSettings, RowsOrder } from './rows-side.js';

/**
 * Does what Emmett's Postgres event store does to append one event: a transaction around one call of a function that moves
 * the stream's position and inserts the message. No two connections append to one stream, so none is ever refused.
 */
serveSide<PeerSettings, RowsOrder, PeerAnswer>(async ({ postgresUrl, schema, load: options }) => {
  const text = `select * from ${schema}.append($1, $2, $3, $4, $5, $6, $7, $8)`;
  const load = writeLoad(options);
  const pool = connectionsTo(postgresUrl, durableSession);

  const nextStream = (lane: number, connections: number): string => {
    for (;;) {
      const rank = load.nextEntity();
      if (rank % connections === lane) return entityId(rank);
    }
  };

  await pool.with(1, async ([client]) => void (await client?.query(emmettTables(schema))));

  return {
    carryOut: ({ connections, seconds }) =>
      pool.with(connections, async (clients) => {
        const cpu = process.cpuUsage();
        const result = await closedLoop({
          inFlight: connections,
          seconds,
          async act(lane) {
            const client = clients[lane];
            const data = JSON.stringify({ body: load.nextBody() });
            const stream = nextStream(lane, connections);
            const values = [[randomUUID()], [data], ['{}'], ['1'], ['Changed'], ['E'], stream, 'document'];
            await client?.query('begin');
            const answer = await client?.query<{ readonly success: boolean }>({
              name: 'append',
              text,
              values,
            });
            if (answer?.rows[0]?.success !== true) throw new Error('an append was refused');
            await client?.query('commit');
          },
        });
        const { user, system } = process.cpuUsage(cpu);
        return { ...result, cpuMicros: user + system };
      }),
    close: () => pool.close(),
  };
});
