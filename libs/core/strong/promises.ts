import { majorityOf } from '../consistency/acks.js';
import { isAbove, laterEpoch, noEpoch, sameEpoch, type Epoch } from './epoch.js';
import { hasEveryMajority, isMajority, type Memberships } from './membership.js';
import {
  adopt,
  noOpenings,
  openingOf,
  positionOf,
  reaches,
  withOpening,
  type Opening,
  type Openings,
  type Position,
  type StoredSeq,
} from './strong-chain.js';

/** What a region keeps of a shard's strong log besides the streams themselves; durable, and ordered with applies. */
export interface StrongRecord {
  /** Only grows. */
  readonly promised: Epoch;
  readonly openings: Openings;
}

export const noStrongRecord: StrongRecord = { promised: noEpoch, openings: noOpenings };

export type Promised =
  | { readonly kind: 'granted'; readonly record: StrongRecord; readonly position: Position }
  /** Whoever asked goes on above this. */
  | { readonly kind: 'refused'; readonly promised: Epoch };

/** Gives a promise only to an epoch strictly above every earlier one, so that each epoch has at most one target. */
export function promise(record: StrongRecord, asked: Epoch, stored: StoredSeq): Promised {
  if (!isAbove(asked, record.promised)) return { kind: 'refused', promised: record.promised };
  const position = positionOf(record.openings, stored);
  return { kind: 'granted', record: { ...record, promised: asked }, position };
}

/** Storing an opening promises its epoch too. */
export function storeOpening(record: StrongRecord, opening: Opening): StrongRecord {
  return {
    promised: laterEpoch(record.promised, opening.epoch),
    openings: withOpening(record.openings, opening),
  };
}

/** What a member says of itself, from one flushed state; never of a third party, never a bare cursor. */
export interface Ack {
  readonly promised: Epoch;
  readonly position: Position;
}

export function ackOf(record: StrongRecord, stored: StoredSeq): Ack {
  return { promised: record.promised, position: positionOf(record.openings, stored) };
}

export type Candidacy =
  | { readonly kind: 'waiting' }
  /** Its membership is not the latest any more: it starts again in that one. */
  | { readonly kind: 'outdated' }
  | { readonly kind: 'chosen'; readonly adopt: Position };

/**
 * Whether a target's promises make it the one that may open, and on what; itself is asked like any other. It needs a
 * majority of every membership from that of the position it adopts up to its own.
 *
 * @param own number of the membership that the target stands in
 */
export function candidacy(
  promises: ReadonlyMap<string, Position>,
  known: Memberships,
  own: number,
): Candidacy {
  const adopted = adopt([...promises.values()]);
  if (adopted.epoch.membership > own) return { kind: 'outdated' };
  const hasAll = hasEveryMajority(known, { adopted: adopted.epoch, own }, (region) => promises.has(region));
  return hasAll ? { kind: 'chosen', adopt: adopted } : { kind: 'waiting' };
}

/** Whether the target may write its opening now: its own row still promises the epoch, and it holds what it adopted. */
export function mayOpen(
  record: StrongRecord,
  standing: { readonly epoch: Epoch; readonly adopted: Position },
  stored: StoredSeq,
): boolean {
  return (
    sameEpoch(record.promised, standing.epoch) &&
    openingOf(record.openings, standing.epoch) === undefined &&
    reaches(positionOf(record.openings, stored), standing.adopted)
  );
}

/**
 * The furthest seq of epoch `epoch` that a majority's acks reach; `undefined` while that is not even the opening. An ack
 * counts for an epoch only if its promised epoch is that one: who has promised more may hold the event and yet have told a
 * later target that it does not.
 */
export function decidedBy(
  opening: Opening,
  acks: ReadonlyMap<string, Ack>,
  members: readonly string[],
): Position | undefined {
  const reached = members
    .flatMap((member) => {
      const ack = acks.get(member);
      return ack && countsFor(ack, opening.epoch) ? [ack.position.seq] : [];
    })
    .sort((a, b) => b - a);
  const seq = reached[majorityOf(members.length) - 1];
  return seq === undefined || seq < opening.seq ? undefined : { epoch: opening.epoch, seq };
}

function countsFor({ promised, position }: Ack, epoch: Epoch): boolean {
  return sameEpoch(promised, epoch) && sameEpoch(position.epoch, epoch);
}

/** Whether a majority, the home's own row included, said after the read arrived that it promises this epoch. */
export function isConfirmed(
  epoch: Epoch,
  said: ReadonlyMap<string, Epoch>,
  members: readonly string[],
): boolean {
  return isMajority(members, (member) => {
    const promised = said.get(member);
    return promised !== undefined && sameEpoch(promised, epoch);
  });
}

/** The epoch in which this actor may mint strong events, as far as its own row says; `undefined`: it is not the home. */
export function homeEpoch(record: StrongRecord, actor: string): Epoch | undefined {
  const opening = openingOf(record.openings, record.promised);
  return opening?.home === actor ? record.promised : undefined;
}

/** A home serves once its own opening is decided: everything below it is decided with it. */
export function isServing(record: StrongRecord, actor: string, decided: Position): boolean {
  const opening = openingOf(record.openings, record.promised);
  return (
    opening !== undefined &&
    opening.home === actor &&
    sameEpoch(decided.epoch, opening.epoch) &&
    decided.seq >= opening.seq
  );
}

/** Pre-vote: asked by somebody who hears no home; said no while one is heard here, or the epoch is not above. */
export function wouldPromise(record: StrongRecord, asked: Epoch, hearsHome: boolean): boolean {
  return !hearsHome && isAbove(asked, record.promised);
}
