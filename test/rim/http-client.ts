import type { BadRequest } from './bad-request.js';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of any shape
  readonly body: any;
}

/** Asks a region over HTTP as any client would: nothing of ours lies between. */
export async function ask(
  base: string,
  { method = 'POST', url, headers = {}, body }: Omit<BadRequest, 'name' | 'code'>,
): Promise<Answered> {
  const response = await fetch(`${base}${url}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Everything a region would show of its state: entities and cursors, as one text to compare. How old it is does not count. */
export async function stateOf(
  base: string,
  types: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const shown: unknown[] = [];
  for (const type of types) {
    const { body } = await ask(base, { method: 'GET', url: `/v1/entities/${type}?limit=1000`, headers });
    shown.push(body.entities.map(({ stalenessMs: _age, ...rest }: Record<string, unknown>) => rest));
  }
  const { body } = await ask(base, { method: 'GET', url: '/v1/admin/shards', headers });
  const cursors = body.shards.map(({ shard, cursors: ofShard }: { shard: number; cursors: unknown }) => [
    shard,
    ofShard,
  ]);
  return JSON.stringify([shown, cursors]);
}
