import { describe, expect, it } from 'vitest';
import { arrive, bytesOf, nothingArrived, reload } from '#kit/laws/arrive.js';
import { eventOf, lawType } from '#kit/laws/make-event.js';
import { scenario } from '#kit/laws/scenario.js';
import { encodeBase64 } from '../base64.js';
import type { Event } from '../event/event.js';
import type { Json } from '../json.js';
import { addWinsMap } from './add-wins-map.js';
import { decideChange, type FieldOperation } from './entity-decide.js';
import { entityValue } from './entity-value.js';
import type { AnyPolicy, Operation } from './policy.js';
import { text } from './text.js';

type Id = readonly [client: number, clock: number];

const root = [1, 4, ...new TextEncoder().encode('text')];

/** One run of letters by one client, its neighbours as they are told. */
function typed(
  [client, clock]: Id,
  letters: string,
  neighbours: { readonly left?: Id; readonly right?: Id } = {},
): string {
  const { left, right } = neighbours;
  const info = 4 | (left ? 0x80 : 0) | (right ? 0x40 : 0);
  const place = left || right ? [...(left ?? []), ...(right ?? [])] : root;
  const characters = new TextEncoder().encode(letters);
  return encodeBase64(
    Uint8Array.from([1, 1, client, clock, info, ...place, characters.length, ...characters, 0]),
  );
}

const send = (update: string): Operation => ({ op: 'update', update });
const [a, b, c] = [
  [1, 0],
  [1, 1],
  [1, 2],
] as const satisfies Id[];

describe('an update whose characters stand between two that were never neighbours', () => {
  it.each([
    ['leaves out who its right neighbour was typed after', { right: b }],
    ['leaves out who its left neighbour was typed before', { left: [2, 0] as Id }],
    ['leaves out a character of a run', { left: a, right: c }],
    ['has its neighbours the other way round', { left: b, right: a }],
    ['stands before and after the same character', { left: b, right: b }],
    ['skips what its left neighbour was typed before', { left: [2, 0] as Id, right: c }],
    ['skips what its right neighbour was typed after', { left: a, right: [3, 0] as Id }],
  ])('is refused: it %s', (_what, neighbours) => {
    scenario(text())
      .write('eu', send(typed([1, 0], 'abc')))
      .write('eu', send(typed([2, 0], 'X', { left: a, right: b })))
      .write('eu', send(typed([3, 0], 'Y', { left: b, right: c })))
      .write('eu', send(typed([9, 0], '!', neighbours)))
      .thenRefused('invalid_value', '/update')
      .heal()
      .thenEverywhere('aXbYc');
  });

  it('is one that a writer who was behind can have typed, and taken', () => {
    scenario(text())
      .write('eu', send(typed([1, 0], 'abc')))
      .write('eu', send(typed([2, 0], 'X', { left: a, right: b })))
      .write('eu', send(typed([3, 0], 'Y', { left: a, right: b })))
      .write('eu', send(typed([4, 0], '-', { left: [2, 0], right: b })))
      .write('eu', send(typed([5, 0], '+', { left: a, right: [3, 0] })))
      .heal()
      .thenEverywhere('aX-+Ybc');
  });

  const forged = ([client, clock]: Id, letters: string, neighbours: { left?: Id; right?: Id }): Json => ({
    epoch: ['us~1', 1],
    update: typed([client, clock], letters, neighbours),
  });

  it('INV-4: reads the same in every region all the same, when a region let it in, also after a restart', () => {
    const type = lawType({ body: text() });
    const first = eventOf('us:1', { changes: [['body', { update: typed([1, 0], 'ab') }]] });
    const x = eventOf('us:2', { context: 'us:1', changes: [['body', forged([10, 0], 'X', { right: b })]] });
    const y = eventOf('eu:1', { context: 'us:1', changes: [['body', forged([11, 0], 'Y', { left: a })]] });
    const after = (events: readonly Event[]) => events.reduce(arrive, nothingArrived(type));
    const [one, other] = [after([first, x, y]), after([first, y, x])];
    expect(bytesOf(one)).toBe(bytesOf(other));
    for (const arrived of [other, reload(one), reload(other)]) {
      expect(entityValue(type, arrived.state)).toEqual(entityValue(type, one.state));
    }
  });
});

describe('a command with two operations on a text in which two writers shared an id', () => {
  const splice = { op: 'splice', index: 0, delete: 0, insert: 'a' };
  const at = { op: 'at', key: 'k', then: splice };

  /** What a region decides that heard of both writers. */
  function decidedBy(policy: AnyPolicy, within: (change: Json) => Json, operations: readonly Operation[]) {
    const type = lawType({ body: policy });
    const of = (update: string): Json => within({ epoch: ['us~1', 1], update });
    const { state } = [
      eventOf('us:1', { changes: [['body', within({ update: typed([1, 0], 'ab') })]] }),
      eventOf('us:2', { context: 'us:1', changes: [['body', of(typed([9, 0], 'X', { left: b }))]] }),
      eventOf('eu:1', { context: 'us:1', changes: [['body', of(typed([9, 0], 'Y', { left: b }))]] }),
    ].reduce(arrive, nothingArrived(type));
    const fields = operations.map((operation): FieldOperation => ({ field: 'body', ...operation }));
    const { dot, time } = eventOf('us:3');
    const command = { kind: 'update', operations: fields, hasObserved: false } as const;
    return decideChange(type, state, command, { dot, time, context: state.seen });
  }

  it('is refused and told to come one by one, as each of them then can', () => {
    const here = (change: Json): Json => change;
    const told = { kind: 'rejected', code: 'precondition_failed', path: '/operations/1' };
    expect(decidedBy(text(), here, [splice, splice])).toMatchObject(told);
    expect(decidedBy(text(), here, [splice]).kind).toBe('accepted');
  });

  it('is refused within a map, also where it removes the key first', () => {
    const within = (change: Json): Json => ({ at: 'k', then: change });
    const told = { kind: 'rejected', code: 'precondition_failed', path: '/operations/1' };
    const remove = { op: 'remove', key: 'k' };
    expect(decidedBy(addWinsMap(text()), within, [remove, at])).toMatchObject(told);
    expect(decidedBy(addWinsMap(text()), within, [at, at])).toMatchObject(told);
    for (const operation of [remove, at]) {
      expect(decidedBy(addWinsMap(text()), within, [operation]).kind).toBe('accepted');
    }
  });
});
