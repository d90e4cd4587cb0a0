import { describe, expect, it } from 'vitest';
import { NoAnswer } from '#client/errors.js';
import type { RegionClient } from '#client/region-client.js';
import type { BatchChange, BatchOutcome, FieldOperation } from '#client/wire.js';
import { openJournal } from '../judge/journal.js';
import { changeInBatch } from './batch.js';
import { summarize } from './lag-probe.js';
import { paceOf, trackProgress } from './progress.js';
import { createWorkload, partOf } from './workload.js';

const entity = { type: 'cart', id: '42' };

describe('an operation in the words of a client history', () => {
  it.each<[FieldOperation, string, string, unknown]>([
    [{ field: 'name', op: 'set', value: 'Ada' }, 'write', 'name', 'Ada'],
    [{ field: 'sold', op: 'increment', by: 2 }, 'increment', 'sold', 2],
    [{ field: 'tags', op: 'add', element: 'a' }, 'add', 'tags', 'a'],
    [{ field: 'tags', op: 'remove', element: 'a' }, 'remove', 'tags', 'a'],
    [{ field: 'lines', op: 'remove', key: 'a b' }, 'remove', 'lines', 'a b'],
    [
      { field: 'lines', op: 'at', key: 'a b', then: { op: 'increment', by: 3 } },
      'increment',
      'lines/a%20b',
      3,
    ],
    [{ field: 'on', op: 'enable' }, 'write', 'on', true],
    [{ field: 'state', op: 'advance', to: 'sent' }, 'write', 'state', 'sent'],
    [{ field: 'highest', op: 'raise', value: 7 }, 'write', 'highest', 7],
    [{ field: 'body', op: 'update', update: 'AAA=' }, 'write', 'body', 'AAA='],
  ])('is %j', (operation, kind, field, input) => {
    expect(partOf(entity, operation)).toMatchObject({ kind, type: 'cart', id: '42', field, input });
  });
});

describe('a batch', () => {
  const outcome = ({ mutationId }: BatchChange): BatchOutcome => ({
    ok: true,
    write: {
      ...{ ...entity, mutationId, dot: `us~1:0:${mutationId.length}`, version: 'v', seen: {} },
      ...{ replayed: false, confirmed: [], region: 'us', session: 's' },
    },
  });
  const overloaded: BatchOutcome = {
    ok: false,
    error: {
      ...{ status: 503, code: 'overloaded', title: '', detail: '', retryable: true },
      ...{ requestId: '', region: 'us', errors: [] },
    },
  };

  it('is sent again for those changes only whose outcome is open, with their mutation ids', async () => {
    const asked: (readonly string[])[] = [];
    const batch: RegionClient['batch'] = async (changes) => {
      asked.push(changes.map(({ mutationId }) => mutationId));
      if (asked.length === 1) throw new NoAnswer('reset', true);
      const outcomes = changes.map((change, index) =>
        asked.length === 2 && index === 0 ? overloaded : outcome(change),
      );
      return { outcomes, session: `token-${asked.length}` };
    };
    const journal = await openJournal('run', undefined);
    const workload = createWorkload(journal, [{ region: 'us', batch } as RegionClient]);
    const operations = [{ field: 'sold', op: 'increment', by: 1 }];
    const wanted = [1, 2].map((process) => ({ process, entity, operations }));
    const { ends, session } = await changeInBatch(workload, 'us', wanted);
    expect(ends.map(({ kind, tries }) => `${kind} after ${tries}`)).toEqual(['ok after 3', 'ok after 2']);
    expect(asked.map((ids) => ids.length)).toEqual([2, 2, 1]);
    expect(asked[1]).toEqual(asked[0]);
    expect(session).toBe('token-3');
    expect(journal.operations.map((line) => [line.process, line.outcome, line.mutationId])).toEqual([
      [1, 'ok', asked[0]?.[0]],
      [2, 'ok', asked[0]?.[1]],
    ]);
  });
});

describe('progress', () => {
  it('tells those who wait for a share of it', async () => {
    const progress = trackProgress(10);
    const told: string[] = [];
    const half = progress.reached(0.5).then(() => told.push('half'));
    const all = progress.reached(1).then(() => told.push('all'));
    progress.add(5);
    await half;
    expect(told).toEqual(['half']);
    progress.add(5);
    await all;
    expect(told).toEqual(['half', 'all']);
    await progress.reached(0.1);
  });
});

describe('a pace', () => {
  it('lets no more through than so many a second', async () => {
    const pace = paceOf(1_000);
    const begun = performance.now();
    for (let taken = 0; taken < 300; taken += 20) await pace.take(20);
    expect(performance.now() - begun).toBeGreaterThan(150);
  });
});

describe('a lag', () => {
  it('is told by its percentiles', () => {
    const measured = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
    expect(summarize(measured)).toEqual({ p50: 500, p99: 990, p999: 999, samples: 1_000 });
    expect(summarize([5])).toEqual({ p50: 5, p99: 5, p999: 5, samples: 1 });
  });
});
