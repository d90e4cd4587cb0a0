import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Dev } from './run-dev.js';

/** A page that says where everything is, on the console's port. */
export interface StatusPage {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the addresses of a dev stack to a browser on this machine. */
export async function serveStatusPage(dev: Dev): Promise<StatusPage> {
  const port = dev.stack.descriptor.portBase;
  const page = renderPage(dev);
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/';
    response.writeHead(found ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    });
    response.end(found ? page : 'There is one page here: /');
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

function renderPage({ stack, processes }: Dev): string {
  const rows = processes.map(({ region, name, httpUrl, grpcAddress }) => {
    const { postgresUrl, kafkaBrokers } = stack.region(region);
    const links = ['docs', 'metrics', 'v1/admin/topology', 'v1/admin/links', 'v1/conflicts'].map(
      (path) => `<a href="${httpUrl}/${path}">${path}</a>`,
    );
    const cells = [name, links.join(' '), httpUrl, grpcAddress, postgresUrl, kafkaBrokers.join()];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const heads = ['process', 'look at', 'HTTP', 'gRPC', 'Postgres', 'Kafka'].map((head) => `<th>${head}</th>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Atoll dev stack</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b2733; background: #fbfcfd; }
  table { border-collapse: collapse; } th, td { text-align: left; padding: .3rem .9rem .3rem 0; }
  th { color: #5b6b7a; font-weight: 600; } a { color: #0a6ebd; margin-right: .6rem; }
  @media (prefers-color-scheme: dark) { body { color: #dce5ee; background: #11161c; } a { color: #6db8f5; } }
</style>
<h1>Atoll</h1>
<p>${stack.regions.map(({ region }) => region).join(', ')}: each with its own Postgres and Kafka, joined by links with delay.</p>
<table><thead><tr>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>
`;
}
