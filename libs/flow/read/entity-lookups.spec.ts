import { describe, expect, it } from 'vitest';
import { LogUnavailable, ReadRefused } from '../ports/event-log.js';
import { EntityLookups } from './entity-lookups.js';

/** One statement, as it was asked for; the test answers it. */
interface Asked {
  readonly ids: readonly string[];
  readonly bytesMaxEach: number;
  readonly answer: (states: readonly (string | null | undefined)[]) => void;
  readonly fail: (error: Error) => void;
}

function lookups() {
  const asked: Asked[] = [];
  const found = new EntityLookups({
    states: (entities, bytesMaxEach) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly (string | null | undefined)[]>();
      asked.push({ ids: entities.map(({ id }) => id), bytesMaxEach, answer: resolve, fail: reject });
      return promise;
    },
  });
  const look = (id: string): Promise<string | undefined> => found.stateOf({ type: 'cart', id });
  return { asked, look };
}

/** Lets everything go on that waits for nothing else. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

const idsOf = (asked: readonly Asked[]): readonly (readonly string[])[] => asked.map(({ ids }) => ids);

describe('looks at entities', () => {
  it('share two statements, in the order they were asked for, and each has its own answer', async () => {
    const { asked, look } = lookups();
    const looks = ['a', 'b', 'c', 'd', 'e'].map(look);
    await settle();
    expect(idsOf(asked)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    asked[1]?.answer(['"d"', undefined]);
    asked[0]?.answer(['"a"', '"b"', '"c"']);
    expect(await Promise.all(looks)).toEqual(['"a"', '"b"', '"c"', '"d"', undefined]);
  });

  it('gather while two statements are under way: none joins one that has begun', async () => {
    const { asked, look } = lookups();
    const first = [look('a'), look('b')];
    await settle();
    const later = [look('a'), look('c'), look('d')];
    await settle();
    expect(idsOf(asked)).toEqual([['a'], ['b']]);
    asked[0]?.answer(['"old"']);
    await settle();
    expect(idsOf(asked)).toEqual([['a'], ['b'], ['a', 'c', 'd']]);
    asked[1]?.answer(['"b"']);
    asked[2]?.answer(['"new"', '"c"', '"d"']);
    expect(await Promise.all([...first, ...later])).toEqual(['"old"', '"b"', '"new"', '"c"', '"d"']);
  });

  it('are at most 64 in a statement', async () => {
    const { asked, look } = lookups();
    const looks = Array.from({ length: 200 }, (_, at) => look(`e${at}`));
    for (let next = 0; next < 4; next += 1) {
      await settle();
      asked[next]?.answer(asked[next]?.ids ?? []);
    }
    await Promise.all(looks);
    expect(asked.map(({ ids }) => ids.length)).toEqual([64, 64, 64, 8]);
  });

  it('read what is long by a statement of its own, without a limit', async () => {
    const { asked, look } = lookups();
    const looks = ['a', 'b', 'c', 'd'].map(look);
    await settle();
    asked[0]?.answer([null, '"b"']);
    asked[1]?.answer(['"c"', '"d"']);
    await settle();
    expect(asked.map(({ ids, bytesMaxEach }) => [ids, bytesMaxEach])).toEqual([
      [['a', 'b'], 65_536],
      [['c', 'd'], 65_536],
      [['a'], Infinity],
    ]);
    asked[2]?.answer(['"long"']);
    expect(await Promise.all(looks)).toEqual(['"long"', '"b"', '"c"', '"d"']);
  });

  it('at a row that cannot be read fails nobody else', async () => {
    const { asked, look } = lookups();
    const looks = Promise.allSettled(['a', 'bad', 'c'].map(look));
    await settle();
    asked[0]?.fail(new ReadRefused('invalid page'));
    asked[1]?.answer(['"c"']);
    await settle();
    expect(idsOf(asked.slice(2))).toEqual([['a'], ['bad']]);
    asked[2]?.answer(['"a"']);
    asked[3]?.fail(new ReadRefused('invalid page'));
    const [a, bad, c] = await looks;
    expect([a, c]).toMatchObject([{ value: '"a"' }, { value: '"c"' }]);
    expect(bad).toMatchObject({ reason: expect.any(LogUnavailable) });
  });

  it('fail together while the database is away, and look anew afterwards', async () => {
    const { asked, look } = lookups();
    const looks = Promise.allSettled(['a', 'b', 'c'].map(look));
    await settle();
    asked[0]?.fail(new LogUnavailable('away'));
    asked[1]?.fail(new LogUnavailable('away'));
    expect((await looks).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(asked).toHaveLength(2);
    const again = look('a');
    await settle();
    asked[2]?.answer(['"a"']);
    expect(await again).toBe('"a"');
  });

  it('do not ask for what cannot be stored', async () => {
    const { asked, look } = lookups();
    expect(await look('a\u0000')).toBeUndefined();
    expect(await look('\ud800')).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
