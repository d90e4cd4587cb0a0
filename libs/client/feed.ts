import type { IncomingMessage } from 'node:http';
import { NoAnswer } from './errors.js';
import type { HttpConnection } from './http-connection.js';
import type { Notice } from './wire.js';

export interface FeedQuery {
  readonly type?: string;
  /** The position of the last notice that was dealt with, from any region. Absent: from now on. */
  readonly after?: string;
}

/** A running feed of changes. It ends when it is stopped or the connection is lost; resuming is the caller's. */
export interface Feed {
  stop(): void;
  readonly ended: Promise<void>;
}

/** Opens the feed; resolves once the region has begun to send. */
export async function openFeed(
  connection: HttpConnection,
  query: FeedQuery,
  { patience, onNotice }: { readonly patience: number; readonly onNotice: (notice: Notice) => void },
): Promise<Feed> {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const path = `/v1/changes?${new URLSearchParams(Object.fromEntries(given)).toString()}`;
  const stream = await connection.open({
    method: 'GET',
    path,
    headers: { accept: 'text/event-stream' },
    timeoutMillis: patience,
  });
  if (stream.statusCode !== 200) {
    stream.resume();
    throw new NoAnswer(`${connection.url}: the feed answered ${stream.statusCode}`, false);
  }
  const ended = read(stream, onNotice);
  return { stop: () => void stream.destroy(), ended };
}

async function read(stream: IncomingMessage, onNotice: (notice: Notice) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      const blocks = (rest + (chunk as string)).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = dataOf(block);
        if (data !== undefined) onNotice(JSON.parse(data) as Notice);
      }
    }
  } catch (error) {
    // A feed that was stopped, or whose region went away, simply ends.
    if (!stream.destroyed) throw error;
  }
}

function dataOf(block: string): string | undefined {
  const lines = block.split('\n').filter((line) => line.startsWith('data:'));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).trimStart()).join('\n');
}
