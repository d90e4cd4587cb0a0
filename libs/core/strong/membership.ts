import { majorityOf } from '../consistency/acks.js';
import type { Epoch } from './epoch.js';

/**
 * Who decides in strong shards, from its number on: what Raft calls a configuration. A numbered record, decided in an epoch
 * of the one before it, so that no two have one number (PROTOCOL §8).
 */
export interface Membership {
  readonly number: number;
  /** Sorted; each counts once. */
  readonly members: readonly string[];
  /** Those of the members that store, promise and acknowledge, and never stand: no shard's home is ever there. */
  readonly witnesses: readonly string[];
  /** Regions that an operator stated to be stopped for good, or destroyed, when this record left them out. */
  readonly stopped: readonly string[];
}

/** All memberships that are known to be decided, without a gap, from the first. */
export type Memberships = readonly [Membership, ...Membership[]];

export type MemberChange =
  | { readonly kind: 'add'; readonly region: string; readonly isWitness: boolean }
  /** `isStopped`: an operator states that the region is stopped for good, or destroyed. */
  | { readonly kind: 'remove'; readonly region: string; readonly isStopped: boolean };

export type Changed =
  | { readonly kind: 'changed'; readonly next: Membership }
  | { readonly kind: 'same' }
  | { readonly kind: 'refused'; readonly why: string };

/** The one that is not decided but configured, the same in every region. */
export function firstMembership(members: readonly string[], witnesses: readonly string[] = []): Memberships {
  return [{ number: 1, members: sorted(members), witnesses: sorted(witnesses), stopped: [] }];
}

/** The only number that a two-member record may be overruled for: who is left holds everything that was decided. */
const overruledMembers = 2;

export function latestOf(known: Memberships): Membership {
  return known.at(-1) ?? known[0];
}

export function membershipOf(known: Memberships, number: number): Membership | undefined {
  return known[number - 1];
}

export function mayStand({ members, witnesses }: Membership, region: string): boolean {
  return members.includes(region) && !witnesses.includes(region);
}

/** What a change makes of the latest membership. Pure. One region at a time. */
export function changeMembers(known: Memberships, change: MemberChange): Changed {
  const { number, members, witnesses } = latestOf(known);
  const { region } = change;
  const others = members.filter((member) => member !== region);
  const otherWitnesses = witnesses.filter((member) => member !== region);
  const next = { number: number + 1, stopped: [] };
  if (change.kind === 'add') {
    if (members.includes(region) && witnesses.includes(region) === change.isWitness) return { kind: 'same' };
    const among = change.isWitness ? sorted([...otherWitnesses, region]) : otherWitnesses;
    return ifItCanServe({ ...next, members: sorted([...others, region]), witnesses: among });
  }
  if (!members.includes(region)) return { kind: 'same' };
  if (change.isStopped && members.length !== overruledMembers)
    return {
      kind: 'refused',
      why: `only the other one of two members can be stated to be stopped; of ${members.length} a majority decides`,
    };
  const stopped = change.isStopped ? [region] : [];
  return ifItCanServe({ ...next, members: others, witnesses: otherWitnesses, stopped });
}

function ifItCanServe(next: Membership): Changed {
  if (next.members.some((region) => mayStand(next, region))) return { kind: 'changed', next };
  return { kind: 'refused', why: 'no member would be left that may be the home of a shard' };
}

/** Whether the regions of which `has` holds are a majority of these members, each counted once. */
export function isMajority(members: readonly string[], has: (region: string) => boolean): boolean {
  return members.filter((member) => has(member)).length >= majorityOf(members.length);
}

/**
 * The members of a membership whose promises a target of membership `own` can still wait for: without those that a later
 * record states to be stopped. Only where two were left, so that the other one holds all that was ever decided.
 */
export function countedMembers(
  known: Memberships,
  { number, own }: { readonly number: number; readonly own: number },
): readonly string[] {
  const stopped = new Set(known.slice(number, own).flatMap((later) => later.stopped));
  return (membershipOf(known, number)?.members ?? []).filter((member) => !stopped.has(member));
}

/** The same without one region in the latest: what an operator states of it while it is being taken out. */
export function withoutMember(known: Memberships, region: string): Memberships {
  const { members, ...latest } = latestOf(known);
  const rest = known.slice(0, -1);
  const last = { ...latest, members: members.filter((member) => member !== region) };
  const [first, ...later] = [...rest, last];
  return [first ?? last, ...later];
}

/**
 * Whether the promises given make a target of membership `own` the one that may open on a position: a majority of every
 * membership from that of the position up to its own. Less, and an epoch in between may have decided what nobody told it of.
 */
export function hasEveryMajority(
  known: Memberships,
  { adopted, own }: { readonly adopted: Epoch; readonly own: number },
  has: (region: string) => boolean,
): boolean {
  const from = Math.max(adopted.membership, 1);
  for (let number = from; number <= own; number += 1) {
    const members = countedMembers(known, { number, own });
    if (members.length === 0 || !isMajority(members, has)) return false;
  }
  return true;
}

/** Whether a record may be minted in an epoch: it must be the next one of the epoch's own membership. */
export function mayBeDecidedIn(proposed: Memberships, epoch: Epoch): boolean {
  return latestOf(proposed).number === epoch.membership + 1;
}

export interface FormerMember {
  readonly region: string;
  /** Number of the last membership that it was a member of. */
  readonly until: number;
  /** No epoch needs its promise any more. Until then it goes on promising. */
  readonly isRetired: boolean;
}

/**
 * Regions that were members and are none.
 *
 * @param opened per strong shard, the membership of the newest epoch whose opening is decided; 0: none is
 */
export function formerMembers(known: Memberships, opened: readonly number[]): readonly FormerMember[] {
  const now = latestOf(known);
  const until = new Map<string, number>();
  for (const { number, members } of known) for (const region of members) until.set(region, number);
  const least = Math.min(now.number, ...opened);
  return [...until]
    .filter(([region]) => !now.members.includes(region))
    .map(([region, last]) => ({ region, until: last, isRetired: least > last }));
}

function sorted(regions: readonly string[]): readonly string[] {
  return [...new Set(regions)].sort();
}
