import pg from 'pg';

/** Connections of a peer, as many as an order asks for. Between orders few are kept: a server has room for a hundred. */
export interface Connections {
  /** Runs with exactly so many; opening and closing them is not part of the work. */
  with<T>(count: number, work: (clients: readonly pg.Client[]) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const keptBetween = 8;

/** @param session statements that every new connection begins with. */
export function connectionsTo(connectionString: string, session: string): Connections {
  const clients: pg.Client[] = [];
  const keep = async (count: number): Promise<void> => {
    while (clients.length > count) await clients.pop()?.end();
    while (clients.length < count) {
      const client = new pg.Client({ connectionString });
      await client.connect();
      await client.query(session);
      clients.push(client);
    }
  };
  return {
    async with(count, work) {
      await keep(count);
      try {
        return await work(clients);
      } finally {
        await keep(Math.min(count, keptBetween));
      }
    },
    close: () => keep(0),
  };
}

/** As durable as Atoll's own connections are. */
export const durableSession = 'set synchronous_commit = on';
