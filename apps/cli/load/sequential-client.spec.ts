import { describe, expect, it } from 'vitest';
import { NoAnswer, RequestRefused } from '#client/errors.js';
import type { RegionClient } from '#client/region-client.js';
import type { EntityRead, Json, WriteResult } from '#client/wire.js';
import { openJournal } from '../judge/journal.js';
import { startClient, type Asked } from './sequential-client.js';
import { createWorkload } from './workload.js';

const entity = { type: 'note', id: '1' };
const seen = { 'us~1': 3 };

type Call = readonly [what: string, options: unknown];

/** A region that answers each call in turn; errors are thrown. */
async function stage(asked: Asked, ...answers: readonly (Partial<EntityRead & WriteResult> | Error)[]) {
  const calls: Call[] = [];
  const answer = (what: string, options: unknown): Promise<never> => {
    const next = answers[calls.length];
    calls.push([what, options]);
    if (next === undefined || next instanceof Error)
      return Promise.reject(next ?? new Error('nobody answers'));
    return Promise.resolve({ ...entity, region: 'us', seen, session: '', ...next } as never);
  };
  const region = {
    region: 'us',
    read: (_entity: unknown, options: unknown) => answer('read', options),
    change: (_entity: unknown, _change: unknown, options: unknown) => answer('change', options),
    transact: (_changes: unknown, options: unknown) => answer('transact', options),
    readMany: (_type: string, _ids: unknown, options: unknown) => answer('readMany', options),
  } as unknown as RegionClient;
  const journal = await openJournal('run', undefined);
  return { calls, journal, client: startClient(createWorkload(journal, [region], 50), asked) };
}

const refused = (code: string, retryable = false): RequestRefused =>
  new RequestRefused({
    ...{ status: 400, code, title: '', detail: '', retryable },
    ...{ requestId: '1', region: 'us', errors: [] },
  });

const text = { field: 'text', take: (value: Json) => (value as { text: Json } | null)?.text ?? null };
const set = { entity, operations: [{ field: 'text', op: 'set', value: 'a' }] };

describe('a journaled client', () => {
  it('hands its token on, and names the chain', async () => {
    const { client, calls, journal } = await stage(
      { session: true, maxWaitMillis: 700 },
      { dot: 'us~1:0:3', session: 'one' },
      { value: { text: 'a' }, session: 'two', stalenessMs: 12 },
      { value: null, session: 'three', stalenessMs: null },
    );
    await client.change('us', set);
    await client.look('us', entity, [text]);
    await client.look('us', entity, [text]);
    expect(calls.map(([, options]) => options)).toMatchObject([
      { maxWaitMillis: 700 },
      { session: 'one', maxWaitMillis: 700 },
      { session: 'two' },
    ]);
    expect(client.token()).toBe('three');
    expect(journal.operations).toMatchObject([
      { kind: 'write', session: 's1', consistency: 'session', input: 'a', dot: 'us~1:0:3', seen },
      { kind: 'read', output: 'a', outcome: 'ok', stalenessMillis: 12, maxWaitMillis: 700, seen },
      { kind: 'read', output: null, stalenessMillis: null, mutationId: null, dot: null },
    ]);
  });

  it('sends a level with its reads, acks with its writes, and causal with both', async () => {
    const quorum = await stage({ consistency: 'quorum', acks: 'majority' }, { value: null }, {});
    await quorum.client.look('us', entity, [text]);
    await quorum.client.change('us', set);
    expect(quorum.calls[0]?.[1]).toEqual({ consistency: 'quorum' });
    expect(quorum.calls[1]?.[1]).toMatchObject({ acks: 'majority' });
    expect(quorum.calls[1]?.[1]).not.toHaveProperty('consistency');
    expect(quorum.journal.operations).toMatchObject([
      { consistency: 'quorum', acks: 'local', session: null },
      { consistency: 'quorum', acks: 'majority' },
    ]);
    const causal = await stage({ session: true, consistency: 'causal' }, {});
    await causal.client.change('us', set);
    expect(causal.calls[0]?.[1]).toMatchObject({ consistency: 'causal' });
  });

  it('goes on under another number after a write that nobody answered', async () => {
    const lost = Array.from({ length: 40 }, () => new NoAnswer('reset', true));
    const { client, journal } = await stage({ session: true, patienceMillis: 30 }, ...lost);
    const { line } = await client.change('us', set);
    expect(line).toMatchObject({
      process: 1,
      outcome: 'unknown',
      completed: null,
      error: 'no_answer',
      dot: null,
    });
    await client.look('us', entity, [text]);
    expect(journal.operations[1]).toMatchObject({ process: 2, session: 's1', outcome: 'fail' });
  });

  it('tells a read that was refused as a line of its own', async () => {
    const { client, journal } = await stage({}, refused('not_covered_yet', true));
    const { answer } = await client.look('us', entity, [text]);
    expect(answer).toBeUndefined();
    expect(journal.operations).toMatchObject([
      { kind: 'read', outcome: 'fail', error: 'not_covered_yet', output: null, stalenessMillis: null },
    ]);
    expect(journal.operations[0]?.completed).not.toBeNull();
  });

  it('tells whether a compare-and-set and a spend were done, denied or refused', async () => {
    const { client, calls, journal } = await stage(
      {},
      {},
      refused('precondition_failed'),
      refused('not_allowed'),
    );
    const wanted = { entity, field: 'text', expected: null, value: 'a', version: 'v1' };
    await client.swap('us', wanted);
    await client.swap('us', wanted);
    const spend = { entity, operations: [{ field: 'units', op: 'spend', by: 2 }] };
    await client.change('us', spend);
    expect(calls[0]?.[1]).toMatchObject({ ifMatch: 'v1' });
    expect(journal.operations).toMatchObject([
      { kind: 'cas', input: { expected: null, value: 'a' }, output: true, outcome: 'ok' },
      { kind: 'cas', output: false, outcome: 'fail', error: 'precondition_failed' },
      { kind: 'spend', input: 2, output: null, outcome: 'fail', error: 'not_allowed' },
    ]);
  });

  it('tells a look at several fields, and a change of several, as one transaction', async () => {
    const { client, journal } = await stage({}, { value: { left: 'l', right: 'r' } }, {});
    const of = (field: string) => ({
      field,
      take: (value: Json) => (value as Record<string, Json>)[field] ?? null,
    });
    await client.look('us', entity, [of('left'), of('right')]);
    const operations = ['left', 'right'].map((field) => ({ field, op: 'set', value: `new ${field}` }));
    await client.change('us', { entity, operations });
    expect(journal.operations).toMatchObject([
      { kind: 'txn', field: null, input: null, output: null, parts: [{ output: 'l' }, { output: 'r' }] },
      { kind: 'txn', parts: [{ kind: 'write', input: 'new left' }, { input: 'new right' }] },
    ]);
  });

  it('tells what is changed, and what is read, of several entities at once as one transaction', async () => {
    const done = ['l', 'r'].map((id) => ({ type: 'duo', id, dot: `us~1:0:${id === 'l' ? 4 : 5}`, seen }));
    const { client, calls, journal } = await stage(
      { consistency: 'strong' },
      { changes: done } as never,
      { entities: ['l', 'r'].map((id) => ({ value: { text: `a-${id}` } })) } as never,
      refused('no_majority', true),
    );
    const changes = ['l', 'r'].map((id) => ({
      entity: { type: 'duo', id },
      operations: [{ field: 'text', op: 'set', value: `a-${id}` }],
    }));
    await client.changeTogether('us', changes);
    await client.lookTogether('us', 'duo', ['l', 'r'], text);
    await client.lookTogether('us', 'duo', ['l', 'r'], text);
    expect(calls.map(([what]) => what)).toEqual(['transact', 'readMany', 'readMany']);
    const part = (kind: string, id: string, told: object) => ({
      kind,
      type: 'duo',
      id,
      field: 'text',
      ...told,
    });
    expect(journal.operations).toMatchObject([
      {
        ...{ kind: 'txn', type: 'duo', id: 'l', field: null, dot: 'us~1:0:4', seen, outcome: 'ok' },
        parts: [part('write', 'l', { input: 'a-l' }), part('write', 'r', { input: 'a-r' })],
      },
      {
        ...{ kind: 'txn', outcome: 'ok', consistency: 'strong' },
        parts: [part('read', 'l', { output: 'a-l' }), part('read', 'r', { output: 'a-r' })],
      },
      { kind: 'txn', outcome: 'fail', error: 'no_majority', parts: [{ output: null }, { output: null }] },
    ]);
  });
});
