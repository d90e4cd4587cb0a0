import fc from 'fast-check';
import { applyUpdate, Doc, encodeStateAsUpdate, type Item } from 'yjs';
import { expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload, type Arrived } from '#kit/laws/arrive.js';
import { dice, inAnotherOrder } from '#kit/laws/entity-histories.js';
import { dotOf, eventOf, lawType } from '#kit/laws/make-event.js';
import { decodeBase64, encodeBase64 } from '../base64.js';
import type { Event } from '../event/event.js';
import type { Json } from '../json.js';
import { decideChange } from './entity-decide.js';
import { entityValue } from './entity-value.js';
import { text } from './policies.js';
import type { TextChange, TextState } from './text-state.js';

/** A run of characters whose neighbours are any that the region has, or none: numbers choose, modulo their count. */
interface Run {
  readonly left: number | undefined;
  readonly right: number | undefined;
  readonly length: number;
  readonly isDeleted: boolean;
}

type Step =
  | {
      readonly kind: 'type';
      readonly at: number;
      readonly client: number;
      readonly runs: readonly Run[];
      /** Whether the region lets in what it should refuse, and says less than it knew. */
      readonly lie: number;
    }
  | { readonly kind: 'send'; readonly from: number; readonly to: number };

const neighbour = fc.option(fc.nat(40), { nil: undefined, freq: 4 });
const run = fc.record<Run>({
  left: neighbour,
  right: neighbour,
  length: fc.integer({ min: 1, max: 3 }),
  isDeleted: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
});
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 7,
      arbitrary: fc.record({
        kind: fc.constant('type' as const),
        at: fc.nat(2),
        client: fc.nat(1),
        runs: fc.array(run, { minLength: 1, maxLength: 2 }),
        lie: fc.nat(11),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('send' as const), from: fc.nat(2), to: fc.nat(2) }),
    },
  ),
  { minLength: 4, maxLength: 30, size: 'max' },
);

const type = lawType({ body: text() });
const regions = ['eu', 'us', 'ap'] as const;

interface Id {
  readonly client: number;
  readonly clock: number;
}

interface Played {
  readonly events: readonly Event[];
  readonly accepted: number;
  readonly refused: number;
  readonly forged: number;
}

/** Plays what hostile clients send, and where `lying` what hostile regions make of what they should refuse. */
function play(list: readonly Step[], lying: boolean): Played {
  const first = changeEvent('eu:1', nothingArrived(type), { update: encodeBase64(firstUpdate) });
  const begun = arrive(nothingArrived(type), first);
  const arrived: Arrived[] = [begun, begun, begun];
  const events = [first];
  const count = { accepted: 0, refused: 0, forged: 0 };
  for (const step of list) {
    if (step.kind === 'send') {
      arrived[step.to] = (arrived[step.from] as Arrived).log.reduce(arrive, arrived[step.to] as Arrived);
      continue;
    }
    const region = arrived[step.at] as Arrived;
    const update = updateOf(step, region);
    const { seen } = region.state;
    const actor = `${regions[step.at]}~1`;
    const dot = `${regions[step.at]}:${(seen.get(actor) ?? 0) + 1}`;
    const decided = decideUpdate(region, dot, update);
    const isForked = (region.state.fields.get('body') as TextState).some(({ forked }) => forked);
    if (!isForked && !lying) expect(decided.kind === 'accepted').toBe(isPlaced(region.log, update));
    count[decided.kind === 'accepted' ? 'accepted' : 'refused'] += 1;
    const isForged = decided.kind === 'rejected' && lying && step.lie % 3 === 0;
    if (isForged) count.forged += 1;
    if (decided.kind === 'rejected' && !isForged) continue;
    const change = decided.kind === 'rejected' ? { epoch: ['eu~1', 1], update } : decided.change;
    const context = lying && step.lie > 8 ? new Map([['eu~1', 1], ...ownOf(seen, actor)]) : seen;
    const event = { ...changeEvent(dot, region, change), context };
    events.push(event);
    arrived[step.at] = arrive(region, event);
  }
  return { events, ...count };
}

function ownOf(seen: ReadonlyMap<string, number>, actor: string): readonly (readonly [string, number])[] {
  const own = seen.get(actor);
  return own === undefined ? [] : [[actor, own]];
}

function changeEvent(dot: string, { state, log }: Arrived, change: Json): Event {
  const event = eventOf(dot, { changes: [['body', change]], wallMillis: log.length + 1 });
  return { ...event, context: state.seen };
}

function decideUpdate(
  { state }: Arrived,
  dot: string,
  update: string,
): { kind: 'accepted'; change: Json } | { kind: 'rejected'; code: string } {
  const { actor, seq } = dotOf(dot);
  const decided = decideChange(
    type,
    state,
    { kind: 'update', operations: [{ field: 'body', op: 'update', update }], hasObserved: false },
    { dot: { actor, seq }, time: { wallMillis: seq, counter: 0, actor }, context: state.seen },
  );
  return decided.kind === 'rejected'
    ? decided
    : { kind: 'accepted', change: decided.changes[0]?.change as Json };
}

const rootBytes = [1, 4, ...new TextEncoder().encode('text')];
const firstUpdate = Uint8Array.from([1, 1, 1, 0, 4, ...rootBytes, 3, 0x61, 0x62, 0x63, 0]);

/** Two clients type in each region, and never in another. All numbers are less than 128, so that each is one byte. */
function updateOf({ at, client: which, runs }: Step & { kind: 'type' }, { log }: Arrived): string {
  const client = 10 * (at + 1) + which;
  const ids = log.flatMap(updatesOf).flatMap(({ items }) => items.flatMap(idsOf));
  let clock = ids.filter((id) => id.client === client).length;
  const bytes = [1, runs.length, client, clock];
  for (const { left, right, length, isDeleted } of runs) {
    const origin = left === undefined ? undefined : ids[left % ids.length];
    const rightOrigin = right === undefined ? undefined : ids[right % ids.length];
    bytes.push((isDeleted ? 1 : 4) | (origin ? 0x80 : 0) | (rightOrigin ? 0x40 : 0));
    for (const id of [origin, rightOrigin]) if (id) bytes.push(id.client, id.clock);
    if (!origin && !rightOrigin) bytes.push(...rootBytes);
    bytes.push(length);
    if (!isDeleted) bytes.push(...Array.from({ length }, (_, n) => 0x41 + ((client + clock + n) % 26)));
    ids.push(...idsOf({ id: { client, clock }, length }));
    clock += length;
  }
  return encodeBase64(Uint8Array.from([...bytes, 0]));
}

function idsOf({ id, length }: { readonly id: Id; readonly length: number }): readonly Id[] {
  return Array.from({ length }, (_, n) => ({ client: id.client, clock: id.clock + n }));
}

function updatesOf({ changes }: Event): readonly TextChange['update'][] {
  return changes.map(({ change }) => (text().readChange(change) as TextChange).update);
}

/**
 * Whether some view can have made all items of an update: what each refers to, and all that this goes back to, stands in
 * the document with nothing of it between the neighbours. Character by character, and without regard to cost.
 */
function isPlaced(log: readonly Event[], update: string): boolean {
  const doc = new Doc();
  for (const { bytes } of log.flatMap(updatesOf)) applyUpdate(doc, bytes);
  const before = idsIn(doc);
  applyUpdate(doc, decodeBase64(update) as Uint8Array);
  const neighbours = neighboursIn(doc);
  const order = idsIn(doc);
  return order.every((id) => {
    if (before.includes(id)) return true;
    const [left, right] = neighbours.get(id) ?? [];
    const from = left === undefined ? 0 : order.indexOf(left) + 1;
    const to = right === undefined ? order.length : order.indexOf(right);
    const known = new Set<string>();
    const look = [left, right];
    for (let next = look.pop(); look.length > 0 || next !== undefined; next = look.pop()) {
      if (next === undefined || known.has(next)) continue;
      known.add(next);
      look.push(...(neighbours.get(next) ?? []));
    }
    return from <= to && !order.slice(from, to).some((between) => known.has(between));
  });
}

function itemsIn(doc: Doc): readonly Item[] {
  const items: Item[] = [];
  for (let item = doc.getText('text')._start; item !== null; item = item.right) items.push(item);
  return items;
}

const nameOf = ({ client, clock }: Id): string => `${client}:${clock}`;

function idsIn(doc: Doc): readonly string[] {
  return itemsIn(doc).flatMap((item) => idsOf(item).map(nameOf));
}

function neighboursIn(doc: Doc): ReadonlyMap<string, readonly (string | undefined)[]> {
  const found = new Map<string, readonly (string | undefined)[]>();
  for (const item of itemsIn(doc)) {
    const right = item.rightOrigin ? nameOf(item.rightOrigin) : undefined;
    idsOf(item).forEach((id, at) => {
      const first = item.origin ? nameOf(item.origin) : undefined;
      found.set(nameOf(id), [at === 0 ? first : nameOf({ ...id, clock: id.clock - 1 }), right]);
    });
  }
  return found;
}

/** The bytes that a region stores after these events, by one order of arrival, with restarts. */
function bytesAfter(events: readonly Event[], seed: number): string {
  const random = dice(seed);
  let arrived = nothingArrived(type);
  for (const event of inAnotherOrder(events, seed)) {
    arrived = arrive(arrived, event);
    if (random(5) === 0) arrived = reload(arrived);
  }
  expect(entityValue(type, reload(arrived).state)).toEqual(entityValue(type, arrived.state));
  expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
  return bytesOf(arrived);
}

function expectOneText(events: readonly Event[], seed: number): void {
  const all = [seed, seed + 1, seed + 2].map((one) => bytesAfter(events, one));
  expect(new Set(all).size).toBe(1);
}

test('INV-4: an update is refused exactly where no view can have made it, and what is accepted reads the same in any order', () => {
  const met = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(steps, fc.nat(), (list, seed) => {
      const { events, accepted, refused } = play(list, false);
      expectOneText(events, seed);
      met.accepted += accepted;
      met.refused += refused;
    }),
    { numRuns: 1_000 },
  );
  expect(Math.min(met.accepted, met.refused), JSON.stringify(met)).toBeGreaterThan(2_000);
});

test('INV-4: what a region lets in that it should have refused reads the same in any order', () => {
  let forged = 0;
  fc.assert(
    fc.property(steps, fc.nat(), (list, seed) => {
      const played = play(list, true);
      expectOneText(played.events, seed);
      forged += played.forged;
    }),
    { numRuns: 400 },
  );
  expect(forged).toBeGreaterThan(400);
});

const pair = { client: fc.nat(2), other: fc.nat(2) };
const honestStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...pair,
      kind: fc.constant('type' as const),
      index: fc.nat(12),
      remove: fc.nat(2),
      length: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ...pair, kind: fc.constant('send' as const) }) },
  { weight: 2, arbitrary: fc.record({ ...pair, kind: fc.constant('read' as const) }) },
  { weight: 1, arbitrary: fc.record({ ...pair, kind: fc.constant('meet' as const) }) },
);

test('clients that type into documents of their own are never refused, however far behind they are', () => {
  let sent = 0;
  fc.assert(
    fc.property(fc.array(honestStep, { minLength: 5, maxLength: 40, size: 'max' }), (list) => {
      const clients = [2, 3, 4].map(openedBy);
      const begun = changeEvent('eu:1', nothingArrived(type), { update: encodeBase64(firstUpdate) });
      let region = arrive(nothingArrived(type), begun);
      const send = (from: Doc): void => {
        const dot = `eu:${region.log.length + 1}`;
        const decided = decideUpdate(region, dot, encodeBase64(encodeStateAsUpdate(from)));
        expect(decided).toMatchObject({ kind: 'accepted' });
        if (decided.kind === 'rejected') return;
        region = arrive(region, changeEvent(dot, region, decided.change));
        sent += 1;
      };
      for (const step of list) {
        const doc = clients[step.client] as Doc;
        if (step.kind === 'send') send(doc);
        else if (step.kind === 'read') applyUpdate(doc, contentOf(region));
        else if (step.kind === 'meet') applyUpdate(doc, encodeStateAsUpdate(clients[step.other] as Doc));
        else typeInto(doc, step);
      }
      clients.forEach(send);
      expect(region.refolds).toBe(0);
      clients.forEach((doc) => applyUpdate(doc, contentOf(region)));
      const shown = entityValue(type, region.state)?.body;
      for (const doc of clients) expect(doc.getText('text').toJSON()).toBe(shown);
    }),
    { numRuns: 1_000 },
  );
  expect(sent).toBeGreaterThan(5_000);
});

function openedBy(clientID: number): Doc {
  const doc = new Doc();
  applyUpdate(doc, firstUpdate);
  doc.clientID = clientID;
  return doc;
}

function contentOf({ state }: Arrived): Uint8Array {
  return (state.fields.get('body') as TextState)[0]?.content.bytes as Uint8Array;
}

function typeInto(doc: Doc, edit: { index: number; remove: number; length: number }): void {
  const root = doc.getText('text');
  doc.transact(() => {
    const from = Math.min(edit.index, root.length);
    root.delete(from, Math.min(edit.remove, root.length - from));
    root.insert(from, 'xyz'.slice(0, edit.length));
  });
}
