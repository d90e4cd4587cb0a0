import { closedLoop, type ClosedLoopResult } from '../load/closed-loop.js';
import { entityId } from '../load/document-writes.js';
import { connectionsTo, durableSession } from '../side/connections.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';

export interface SelectSettings {
  readonly postgresUrl: string;
}

export interface SelectOrder {
  readonly connections: number;
  readonly seconds: number;
  readonly from: number;
  readonly countMax: number;
}

export interface SelectAnswer extends ClosedLoopResult {
  readonly costs: SideCosts;
}

/** The limit of a read: one prepared SELECT by primary key, and one round trip, per connection at a time. */
serveSide<SelectSettings, SelectOrder, SelectAnswer>(({ postgresUrl }) => {
  const pool = connectionsTo(postgresUrl, durableSession);
  const text = 'select state, value from atoll.entity where type = $1 and id = $2';
  return Promise.resolve({
    carryOut: ({ connections, seconds, from, countMax }) =>
      pool.with(connections, async (clients) => {
        const spent = countCosts();
        let next = 0;
        const result = await closedLoop({
          inFlight: connections,
          seconds,
          async act(lane) {
            const id = entityId(from + (next++ % countMax));
            const answer = await clients[lane]?.query({ name: 'one', text, values: ['document', id] });
            if (answer?.rowCount !== 1) throw new Error(`${id} is not there`);
          },
        });
        return { ...result, costs: spent() };
      }),
    close: () => pool.close(),
  });
});
