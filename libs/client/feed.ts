import type { IncomingMessage } from 'node:http';
import { parseJson } from '#core/parse-json.js';
import { NoAnswer, RequestRefused } from './errors.js';
import type { HttpConnection } from './http-connection.js';
import type { Notice, Problem } from './wire.js';

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

/** Opens the feed; resolves once the region has begun to send. @throws RequestRefused, NoAnswer; so does `ended` */
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
  if (stream.statusCode !== 200) throw await refusalOf(stream, connection.url);
  const ended = read(stream, onNotice);
  // Whoever waits for the end is told; whoever does not is not ended by it.
  ended.catch(() => undefined);
  return { stop: () => void stream.destroy(), ended };
}

/** What a feed that was not opened answered: a problem, unless something else than a region answered. */
async function refusalOf(stream: IncomingMessage, url: string): Promise<Error> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text += chunk as string;
  return problemIn(text) ?? new NoAnswer(`${url}: the feed answered ${stream.statusCode}`, false);
}

function problemIn(text: string): RequestRefused | undefined {
  try {
    const problem = parseJson(text) as Problem | null;
    return typeof problem?.code === 'string' ? new RequestRefused(problem) : undefined;
  } catch {
    return undefined;
  }
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
        const refusal = /^event: *problem$/m.test(block) ? problemIn(data ?? '') : undefined;
        if (refusal !== undefined) throw refusal;
        if (data !== undefined) onNotice(parseJson(data) as Notice);
      }
    }
  } catch (error) {
    // A feed that was stopped, or whose region went away, simply ends.
    if (error instanceof RequestRefused || !stream.destroyed) throw error;
  }
}

function dataOf(block: string): string | undefined {
  const lines = block.split('\n').filter((line) => line.startsWith('data:'));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).trimStart()).join('\n');
}
