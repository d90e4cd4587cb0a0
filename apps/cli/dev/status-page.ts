import { once } from 'node:events';
import { createServer } from 'node:http';
import { readLinks, readTopology } from '#client/admin.js';
import type { RegionClient } from '#client/region-client.js';
import type { Conflict } from '#client/wire.js';
import { pairsOf } from './links.js';
import type { Dev } from './run-dev.js';
import { renderStatus, type RegionView, type StatusView } from './status-view.js';

/** A page that says where everything is and how it is, on the console's port. */
export interface StatusPage {
  readonly url: string;
  close(): Promise<void>;
}

/** Of a region that was killed, or whose database is away: the page of the others does not wait for it. */
const answerMillisMax = 1_000;
const conflictsShown = 5;

/** Serves a dev stack's status to a browser on this machine. */
export async function serveStatusPage(dev: Dev): Promise<StatusPage> {
  const port = dev.stack.descriptor.portBase;
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/';
    const headers = {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
    };
    if (!found) {
      response.writeHead(404, headers).end('There is one page here: /');
      return;
    }
    void lookAt(dev).then(
      (view) => response.writeHead(200, headers).end(renderStatus(view)),
      (error: unknown) => response.writeHead(500, headers).end(`The status cannot be read: ${String(error)}`),
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function lookAt({ stack, processes, clients }: Dev): Promise<StatusView> {
  const [regions, links, conflicts] = await Promise.all([
    Promise.all(clients.map(viewOf)),
    Promise.all(pairsOf(stack).map((pair) => stack.link(...pair).status())),
    newestConflicts(clients),
  ]);
  return {
    regions,
    conflicts,
    cut: new Set(links.flatMap(({ from, to, cut }) => (cut === undefined ? [] : [`${from}->${to}`]))),
    processes: processes.map(({ region, name, httpUrl, grpcAddress }) => {
      const { postgresUrl, kafkaBrokers } = stack.region(region);
      return { name, httpUrl, grpcAddress, postgresUrl, kafkaBrokers: kafkaBrokers.join() };
    }),
    at: new Date(),
  };
}

async function viewOf(client: RegionClient): Promise<RegionView> {
  const { region } = client;
  const asked = Promise.all([readTopology(client), readLinks(client)]);
  const answered = await inTime(asked);
  return answered === undefined
    ? { region, topology: undefined, links: [] }
    : { region, topology: answered[0], links: answered[1] };
}

/** Of the first region that answers. */
async function newestConflicts(clients: readonly RegionClient[]): Promise<readonly Conflict[]> {
  for (const client of clients) {
    const page = await inTime(client.conflicts({ limit: conflictsShown }));
    if (page !== undefined) return page.conflicts;
  }
  return [];
}

/** `undefined` where it fails or takes too long: that a region is away is what the page is there to show. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const late = setTimeout(() => resolve(undefined), answerMillisMax);
  try {
    return await Promise.race([work, promise]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(late);
    work.catch(() => undefined);
  }
}
