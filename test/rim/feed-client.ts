export interface FeedEvent {
  readonly id: string;
  readonly event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into notices of any type
  readonly data: any;
}

export interface OpenFeed {
  readonly response: Response;
  /** The next event; comments are passed over. Rejects when the feed ended. */
  next(): Promise<FeedEvent>;
  close(): void;
}

/** Reads server-sent events by the letter of their specification, as far as the feed uses it. */
export async function openFeed(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenFeed> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { ...headers }, signal: abort.signal });
  if (response.body === null || !response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const events = eventsOf(response.body);
  return {
    response,
    close: () => abort.abort(),
    async next() {
      const { value, done } = await events.next();
      if (done === true) throw new Error('the feed ended');
      return value;
    },
  };
}

async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<FeedEvent, void> {
  const decoder = new TextDecoder();
  let buffered = '';
  for await (const chunk of body) {
    buffered += decoder.decode(chunk, { stream: true });
    for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
      const event = parse(buffered.slice(0, end));
      buffered = buffered.slice(end + 2);
      if (event !== undefined) yield event;
    }
  }
}

function parse(block: string): FeedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const cut = line.indexOf(': ');
    if (cut > 0) fields.set(line.slice(0, cut), line.slice(cut + 2));
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) };
}
