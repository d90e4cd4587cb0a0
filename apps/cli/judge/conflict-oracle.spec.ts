import { describe, expect, it } from 'vitest';
import type { Json } from '#core/json.js';
import { concurrencyOf } from './concurrency.js';
import { conflictsByDefinition } from './conflict-oracle.js';
import type { FieldRule, FieldRules } from './field-rules.js';
import type { JudgedEvent, Seen } from './judged-event.js';

const rules: FieldRules = new Map([
  [
    'x',
    new Map<string, FieldRule>([
      ['name', { kind: 'register', keepsSiblings: false }],
      ['slot', { kind: 'register', keepsSiblings: true }],
      ['tags', { kind: 'set' }],
      ['lines', { kind: 'map', inner: { kind: 'commutes' } }],
      ['on', { kind: 'flag' }],
      ['sold', { kind: 'commutes' }],
      ['body', { kind: 'text' }],
    ]),
  ],
]);

interface Told {
  readonly context?: Seen;
  readonly observed?: Seen;
  readonly mutationId?: string;
}

/** `us1` is the event 1 of us. */
function event(name: string, field: string, change: Json, told: Told = {}): JudgedEvent {
  const [, actor = '', digits = ''] = /^([a-z]+)(\d+)$/.exec(name) ?? [];
  return {
    type: 'x',
    id: '1',
    actor,
    seq: Number(digits),
    dot: name,
    kind: field === '*' ? 'delete' : 'update',
    changes: field === '*' ? [] : [{ field, change }],
    context: told.context ?? {},
    ...(told.observed ? { observed: told.observed } : {}),
    mutationId: told.mutationId ?? name,
  };
}

const write = (name: string, value: string, told?: Told) => event(name, 'name', { value }, told);
const pairs = (...events: JudgedEvent[]): string[] =>
  [...conflictsByDefinition(events, rules).values()]
    .map(({ low, high, field }) => `${low}|${high}|${field}`)
    .toSorted();

describe('the definition of conflicts', () => {
  it('pairs concurrent writes of different values, the lower dot first', () => {
    expect(pairs(write('us1', 'a'), write('eu1', 'b'))).toEqual(['eu1|us1|name']);
  });

  it('pairs neither ordered nor equal writes', () => {
    expect(pairs(write('us1', 'a'), write('eu1', 'b', { context: { us: 1 } }))).toEqual([]);
    expect(pairs(write('us1', 'a'), write('eu1', 'a'))).toEqual([]);
  });

  it('pairs an event with the earliest of each other actor, in both directions', () => {
    const us = [write('us1', 'a'), write('us2', 'b', { context: { us: 1 } })];
    const eu = [write('eu1', 'c'), write('eu2', 'd', { context: { eu: 1 } })];
    expect(pairs(...us, ...eu)).toEqual(['eu1|us1|name', 'eu1|us2|name', 'eu2|us1|name']);
  });

  it('does not pair what commutes: counters, one element added twice, two keys, counts of one key', () => {
    expect(pairs(event('us1', 'sold', { by: 1 }), event('eu1', 'sold', { by: 1 }))).toEqual([]);
    expect(pairs(event('us1', 'tags', { add: 'a' }), event('eu1', 'tags', { add: 'a' }))).toEqual([]);
    expect(pairs(event('us1', 'tags', { add: 'a' }), event('eu1', 'tags', { remove: 'b' }))).toEqual([]);
    const at = (name: string) => event(name, 'lines', { at: 'tea', then: { by: 1 } });
    expect(pairs(at('us1'), at('eu1'))).toEqual([]);
  });

  it('pairs an add and a removal, a count and the removal of its key, on and off', () => {
    expect(pairs(event('us1', 'tags', { add: 'a' }), event('eu1', 'tags', { remove: 'a' }))).toEqual([
      'eu1|us1|tags',
    ]);
    const removal = event('eu1', 'lines', { remove: 'tea' });
    expect(pairs(event('us1', 'lines', { at: 'tea', then: { by: 1 } }), removal)).toEqual(['eu1|us1|lines']);
    expect(pairs(event('us1', 'on', 'enable'), event('eu1', 'on', 'disable'))).toEqual(['eu1|us1|on']);
  });

  it('pairs two that begin a document, and edits of different documents, and no edits of one', () => {
    const edit = (name: string, epoch?: Json) =>
      event(name, 'body', { update: name, ...(epoch === undefined ? {} : { epoch }) });
    expect(pairs(edit('us1'), edit('eu1'))).toEqual(['eu1|us1|body']);
    expect(pairs(edit('us2', ['us', 1]), edit('eu2', ['eu', 1]))).toEqual(['eu2|us2|body']);
    expect(pairs(edit('us2', ['us', 1]), edit('eu2', ['us', 1]))).toEqual([]);
  });

  it('pairs a delete with an update of any field, on every field, and not with a delete', () => {
    expect(pairs(event('us1', '*', null), event('eu1', 'sold', { by: 1 }))).toEqual(['eu1|us1|*']);
    expect(pairs(event('us1', '*', null), event('eu1', '*', null))).toEqual([]);
  });

  it('pairs the survivor of a retried command only, and knows it by any copy', () => {
    const id = 'eu.01890000-0000-7000-8000-000000000000';
    const copies = [write('us1', 'a', { mutationId: id }), write('eu1', 'a', { mutationId: id })];
    expect(pairs(...copies, write('ap1', 'b'))).toEqual(['ap1|eu1|name']);
    expect(pairs(...copies, write('ap1', 'b', { context: { us: 1 } }))).toEqual([]);
  });

  it('takes a command for earlier only when each of its copies had seen the other', () => {
    const copies = [
      write('us2', 'b', { mutationId: 'm', context: { eu: 1 } }),
      write('ap1', 'b', { mutationId: 'm' }),
    ];
    expect(pairs(write('eu1', 'a'), ...copies)).toEqual(['ap1|eu1|name']);
  });

  it('pairs a multi-value write with a live value of its own actor that it had not observed', () => {
    const slot = (name: string, value: string, told?: Told) => event(name, 'slot', { value }, told);
    const blind = slot('us2', 'b', { context: { us: 1 }, observed: {} });
    expect(pairs(slot('us1', 'a'), blind)).toEqual(['us1|us2|slot']);
    const seen = slot('us2', 'b', { context: { us: 1 } });
    const late = slot('us3', 'c', { context: { us: 2 }, observed: {} });
    expect(pairs(slot('us1', 'a'), seen, late)).toEqual(['us2|us3|slot']);
  });
});

describe('the count of concurrent commands', () => {
  it('counts those that neither heard of another region nor were heard of there', () => {
    const us = [write('us1', 'a'), write('us2', 'b', { context: { us: 1 } })];
    const eu = [write('eu1', 'c', { context: { us: 1 } })];
    expect(concurrencyOf([...us, ...eu])).toEqual({ commands: 3, concurrent: 2 });
  });

  it('counts a retried command once', () => {
    const copies = [write('us1', 'a', { mutationId: 'm' }), write('eu1', 'a', { mutationId: 'm' })];
    expect(concurrencyOf(copies)).toEqual({ commands: 1, concurrent: 0 });
  });

  it('agrees with a look at every pair of events', () => {
    const events: JudgedEvent[] = [];
    let state = 7;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const seen: Record<string, Record<string, number>> = { us: {}, eu: {}, ap: {} };
    for (let step = 0; step < 300; step += 1) {
      const region = ['us', 'eu', 'ap'][random(3)] ?? 'us';
      const own = seen[region] ?? {};
      for (const other of ['us', 'eu', 'ap']) {
        const latest = seen[other]?.[other] ?? 0;
        if (other !== region) own[other] = Math.max(own[other] ?? 0, random(latest + 1));
      }
      events.push(write(`${region}${(own[region] ?? 0) + 1}`, 'v', { context: { ...own } }));
      own[region] = (own[region] ?? 0) + 1;
    }
    const has = (a: JudgedEvent, b: JudgedEvent): boolean => (a.context[b.actor] ?? 0) >= b.seq;
    const slow = events.filter((a) => events.some((b) => a.actor !== b.actor && !has(a, b) && !has(b, a)));
    expect(slow.length).toBeGreaterThan(50);
    expect(concurrencyOf(events)).toEqual({ commands: 300, concurrent: slow.length });
  });
});
