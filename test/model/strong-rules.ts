import { noEpoch, sameEpoch, type Epoch } from '#core/strong/epoch.js';
import { firstMembership, isMajority, membershipOf, type Memberships } from '#core/strong/membership.js';
import {
  ackOf,
  candidacy,
  decidedBy,
  isConfirmed,
  isServing,
  mayOpen,
  promise,
} from '#core/strong/promises.js';
import {
  adopt,
  fateOf,
  noPosition,
  openingOf,
  positionOf,
  reaches,
  type Openings,
  type Position,
  type StoredSeq,
} from '#core/strong/strong-chain.js';
import { regions, type Bounds } from './strong-state.js';

/**
 * The rules that the model explores: the very functions that the service decides with. A run with one of them replaced
 * must end in a counter-example, else the rule would be of no use.
 */
export const protocolRules = {
  promise,
  candidacy,
  mayOpen,
  ackOf,
  decidedBy,
  isConfirmed,
  isServing,
  /** Whose acks and confirmations count in an epoch. */
  membersOf: (known: Memberships, epoch: Epoch): readonly string[] =>
    membershipOf(known, epoch.membership)?.members ?? [],
  positionOf,
  /** What is held may have grown since it was promised: it is never less then. */
  buildsOn: (adopted: Position, here: Position): Position => adopt([adopted, here]),
  fateOf,
  /** How far the home that answers a read shows its own log. */
  shownTo: (decided: Position, _stored: Position): Position => decided,
  /** What a region knows to be decided of an opening that it has just stored. */
  settledBy: (_openings: Openings, _stored: StoredSeq): Position => noPosition,
  /** Of a member's promise, what its next life still knows. */
  promiseAfterRestart: (promised: Epoch, _openings: Openings): Epoch => promised,
  /** Whether the target of a planned handover may open on the home's word alone. */
  opensByMarker: false,
};

export type StrongRules = typeof protocolRules;

export interface TakenAway {
  readonly name: string;
  /** Its counter-example lies among the first few thousand states. */
  readonly isShallow: boolean;
  readonly rules: StrongRules;
  /** Where the usual bounds have nothing that it is about. */
  readonly bounds?: Bounds;
}

const deep: ReadonlySet<string> = new Set([
  'stored cursors are counted as acks, whatever their region has promised since',
  'a target adopts by seq alone',
  'a read is answered without confirmation',
  'a position needs no tail',
  'a target does not wait for what it adopted',
  'a minority of promises is enough',
  'a stored opening settles what it leaves out before it is decided',
  'a restart forgets a promise',
  'a target needs promises of the membership that it follows only',
  'acks are counted by the first membership for ever',
]);

const without = (name: string, change: Partial<StrongRules>): TakenAway => ({
  name,
  isShallow: !deep.has(name),
  rules: { ...protocolRules, ...change },
});

function withoutTail(openings: Openings, stored: StoredSeq): Position {
  const held = [...openings.values()]
    .filter(({ home, seq }) => stored(home) >= seq)
    .map(({ epoch, home }) => ({ epoch, seq: stored(home) }));
  return adopt(held);
}

/** From all regions to one, which a majority of the others knows nothing of; and the other way round. */
export const shrinking: Bounds = {
  epochs: 2,
  later: { epochs: 1, members: ['us'] },
  writes: 2,
  eventuals: 0,
  reads: true,
};
export const growing: Bounds = {
  epochs: 1,
  first: ['us'],
  later: { epochs: 2, members: regions },
  writes: 2,
  eventuals: 0,
  reads: true,
};

/** Each takes one rule of PROTOCOL §8 away. */
export const takenAway: readonly TakenAway[] = [
  without('stored cursors are counted as acks, whatever their region has promised since', {
    ackOf: (record, stored) => {
      const position = positionOf(record.openings, stored);
      return { promised: position.epoch, position };
    },
  }),
  without('a promise is given to an equal epoch too', {
    promise: (record, asked, stored) =>
      sameEpoch(asked, record.promised) && !sameEpoch(asked, noEpoch)
        ? { kind: 'granted', record, position: positionOf(record.openings, stored) }
        : promise(record, asked, stored),
  }),
  without('a target adopts by seq alone', {
    candidacy: (promises, known, own) => {
      const chosen = candidacy(promises, known, own);
      if (chosen.kind !== 'chosen') return chosen;
      const longest = [...promises.values()].reduce((a, b) => (b.seq > a.seq ? b : a), noPosition);
      return { kind: 'chosen', adopt: longest };
    },
    buildsOn: (adopted) => adopted,
    mayOpen: (record, standing, stored) =>
      sameEpoch(record.promised, standing.epoch) &&
      openingOf(record.openings, standing.epoch) === undefined &&
      (openingOf(record.openings, standing.adopted.epoch) !== undefined ||
        sameEpoch(standing.adopted.epoch, noEpoch)) &&
      stored(openingOf(record.openings, standing.adopted.epoch)?.home ?? '') >= standing.adopted.seq,
  }),
  without('a handover goes by a marker of the home, without promises', { opensByMarker: true }),
  without('a read is answered without confirmation', { isConfirmed: () => true }),
  without('a position needs no tail', {
    positionOf: withoutTail,
    ackOf: (record, stored) => ({
      promised: record.promised,
      position: withoutTail(record.openings, stored),
    }),
    mayOpen: (record, standing, stored) =>
      sameEpoch(record.promised, standing.epoch) &&
      openingOf(record.openings, standing.epoch) === undefined &&
      reaches(withoutTail(record.openings, stored), standing.adopted),
  }),
  without('a target does not wait for what it adopted', {
    mayOpen: (record, standing, stored) => mayOpen(record, { ...standing, adopted: noPosition }, stored),
  }),
  without('a minority of promises is enough', {
    candidacy: (promises, _known, own) => candidacy(promises, firstMembership(['us']), own),
  }),
  without('a minority of acks decides', {
    decidedBy: (opening, acks) => decidedBy(opening, acks, [...acks.keys()].slice(0, 1)),
  }),
  without('a read shows what its home has stored and no majority has', {
    shownTo: (_decided, stored) => stored,
  }),
  without('a stored opening settles what it leaves out before it is decided', {
    settledBy: (openings, stored) => positionOf(openings, stored),
  }),
  {
    ...without('a target needs promises of its own membership only', {
      candidacy: (promises, known, own) => {
        const members = membershipOf(known, own)?.members ?? [];
        const isChosen = isMajority(members, (region) => promises.has(region));
        return isChosen ? { kind: 'chosen', adopt: adopt([...promises.values()]) } : { kind: 'waiting' };
      },
    }),
    bounds: shrinking,
  },
  {
    ...without('a target needs promises of the membership that it follows only', {
      candidacy: (promises, known) => {
        const isChosen = isMajority(known[0].members, (region) => promises.has(region));
        return isChosen ? { kind: 'chosen', adopt: adopt([...promises.values()]) } : { kind: 'waiting' };
      },
    }),
    bounds: growing,
  },
  {
    ...without('acks are counted by the first membership for ever', {
      membersOf: (known) => known[0].members,
    }),
    bounds: growing,
  },
  without('a restart forgets a promise', {
    promiseAfterRestart: (_promised, openings) =>
      [...openings.values()].reduce(
        (best, { epoch }) => (epoch.counter > best.counter ? epoch : best),
        noEpoch,
      ),
  }),
];
