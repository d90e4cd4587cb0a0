import { describe, expect, it } from 'vitest';
import { RequestRefused } from './errors.js';
import { followRedirects } from './follow-redirects.js';
import type { CallOptions, RegionClient } from './region-client.js';
import type { EntityRead, EntityRef, Problem } from './wire.js';

const entity = { type: 'cart', id: '1' };
const bounded = { consistency: 'bounded;max=200ms;else=redirect', session: 's', maxWaitMillis: 500 };

interface Asked {
  readonly region: string;
  readonly options: CallOptions | undefined;
}

/** A region that answers, or sends its readers to another one. */
function region(name: string, asked: Asked[], sendsTo?: string): RegionClient {
  const answer = async (options?: CallOptions): Promise<{ readonly region: string }> => {
    asked.push({ region: name, options });
    if (sendsTo === undefined) return { region: name };
    const problem = { code: 'read_elsewhere', detail: '', retryable: true, regions: [sendsTo] };
    throw new RequestRefused(problem as unknown as Problem);
  };
  return {
    region: name,
    read: async (_: EntityRef, options) => (await answer(options)) as EntityRead,
    readMany: async (_: string, ids, options) => {
      await answer(options);
      return { entities: ids, next: null, session: '' } as never;
    },
  } as Partial<RegionClient> as RegionClient;
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => (error as RequestRefused).code);

describe('a client that follows redirects', () => {
  it('reads in the region that the answer names, with the same session and what is left of the wait', async () => {
    const asked: Asked[] = [];
    const client = followRedirects(region('us', asked, 'eu'), [region('ap', asked), region('eu', asked)]);
    expect((await client.read(entity, bounded)).region).toBe('eu');
    expect(asked.map((one) => one.region)).toEqual(['us', 'eu']);
    expect(asked[1]?.options).toMatchObject({ consistency: bounded.consistency, session: 's' });
    const wait = asked[1]?.options?.maxWaitMillis ?? Infinity;
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(500);
    expect((await client.readMany('cart', ['1'], bounded)).entities).toEqual(['1']);
    expect(asked.map((one) => one.region)).toEqual(['us', 'eu', 'us', 'eu']);
  });

  it('goes to each region once, and tells the last redirect when it is sent round', async () => {
    const asked: Asked[] = [];
    const others = [region('eu', asked, 'us'), region('us', asked, 'eu')];
    expect(await codeOf(followRedirects(region('us', asked, 'eu'), others).read(entity))).toBe(
      'read_elsewhere',
    );
    expect(asked.map((one) => one.region)).toEqual(['us', 'eu', 'us']);
  });

  it('leaves a redirect to a region that it has no client of to its caller', async () => {
    const asked: Asked[] = [];
    const client = followRedirects(region('us', asked, 'mars'), [region('eu', asked)]);
    expect(await codeOf(client.read(entity, bounded))).toBe('read_elsewhere');
    expect(asked.length).toBe(1);
  });
});
