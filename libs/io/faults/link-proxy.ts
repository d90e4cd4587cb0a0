import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Cut } from './lane.js';
import { LinkConnection, type Address, type ByteCounts, type Lanes } from './link-connection.js';

/** What a cut does to connections: see `Cut`; `reset` ends them with a TCP reset, and new ones too. */
export type CutMode = Cut | 'reset';

/** Waiting connections are cheap but not free; beyond so many the next ones are reset. */
const connectionsMax = 2_000;

/** One TCP port in front of a target, behind the lanes of a link. */
export interface LinkProxy {
  readonly port: number;
  setTarget(target: Address): void;
  connectionCount(): number;
  queuedBytes(): number;
  bytes(): Readonly<ByteCounts>;
  /** Tells the connections that the lanes have changed. */
  laneCut(): void;
  laneHealed(): void;
  /** Ends all present connections with a TCP reset. */
  reset(): void;
  close(): Promise<void>;
}

export interface LinkProxyOptions {
  /** Port of 127.0.0.1 to listen on; 0 for any. */
  readonly port: number;
  readonly target: Address;
  readonly lanes: Lanes;
  /** Asked for each new connection: true when it shall be reset at once. */
  readonly refuses?: () => boolean;
}

/** Starts a proxy. Rejects with the error of `listen`, such as EADDRINUSE. */
export async function startLinkProxy(options: LinkProxyOptions): Promise<LinkProxy> {
  let { target } = options;
  const connections = new Set<LinkConnection>();
  const counts: ByteCounts = { forward: 0, back: 0 };
  const accept = (client: Socket): void => {
    if (options.refuses?.() === true || connections.size >= connectionsMax) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const connection: LinkConnection = new LinkConnection({
      client,
      lanes: options.lanes,
      target: () => target,
      counts,
      onClosed: () => connections.delete(connection),
    });
    connections.add(connection);
  };
  const server = createServer({ allowHalfOpen: true }, accept);
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  server.on('error', () => undefined); // of a single accept, such as too many open files: the client sees it
  const each = (action: (connection: LinkConnection) => void) => (): void => [...connections].forEach(action);
  return {
    port: portOf(server),
    setTarget: (next) => (target = next),
    connectionCount: () => connections.size,
    queuedBytes: () => [...connections].reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
    bytes: () => ({ ...counts }),
    laneCut: each((connection) => connection.cut()),
    laneHealed: each((connection) => connection.heal()),
    reset: each((connection) => connection.reset()),
    async close() {
      const closed = once(server, 'close');
      server.close();
      each((connection) => connection.reset())();
      await closed;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
