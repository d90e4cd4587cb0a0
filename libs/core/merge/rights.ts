import { compareDots, regionOf, sameDot, type Actor, type Dot } from '../causality/dot.js';
import { withDot, type VersionVector } from '../causality/version-vector.js';
import type { Json, JsonObject } from '../json.js';
import { decodeClosing, encodeClosing, isNothing, nothingClosed, type ClosingRecord } from './closings.js';
import { addExactly, decodeSum, encodeSum, type ExactSum } from './exact-sum.js';
import {
  decodeDot,
  encodeDot,
  storedArray,
  storedNumber,
  storedObject,
  storedString,
} from './stored-form.js';

/** Where a counter may go. It starts at the value within its bounds that is nearest to 0. */
export interface CounterBounds {
  readonly min: number;
  /** Without it: 2^53−1, kept to by each region for itself as with a plain counter. */
  readonly max?: number;
}

/** What a right lets its holder do by one: take the value down, or up (only where a maximum is declared). */
export type Side = 'spend' | 'increment';

/** What one actor holds, apart from the rights that a counter starts with. */
export interface Account {
  readonly spend: ExactSum;
  readonly increment: ExactSum;
}

/** Rights that an event outside the birth region of its command made: held, and not to be used before it is stable. */
export interface Unsettled {
  readonly dot: Dot;
  readonly to: Actor;
  readonly side: Side;
  readonly by: number;
}

/** Units set aside: neither spent nor to be spent. The dot is of the event that reserved them, and so is the holder. */
export interface Hold {
  readonly dot: Dot;
  readonly by: number;
  /** When it expires, by the wall clock of the region that reserved, in milliseconds since 1970. */
  readonly untilMillis: number;
  /** Reserved outside the birth region of its command: not to be confirmed or cancelled before it is stable. */
  readonly elsewhere: boolean;
}

/** The rights of one life of a counter: from the first operation after its deletes to the next delete. */
export interface Rights {
  readonly accounts: ReadonlyMap<Actor, Account>;
  /** In order of dot and side. */
  readonly unsettled: readonly Unsettled[];
  /** Who claimed the rights that the counter starts with: the least dot of these has them. */
  readonly openers: readonly Dot[];
  /** Whether the least opener is known to be the last word: no other can still arrive. */
  readonly openedForGood: boolean;
  /** In order of dots. */
  readonly holds: readonly Hold[];
  /** What takes rights away from those who do not answer. */
  readonly closing: ClosingRecord;
}

export const noRights: Rights = {
  accounts: new Map(),
  unsettled: [],
  openers: [],
  openedForGood: false,
  holds: [],
  closing: nothingClosed,
};

const emptyAccount: Account = { spend: 0, increment: 0 };

/** Adds to one side of an actor's account; `by` may be negative. */
export function credit(
  rights: Rights,
  { actor, side, by }: { readonly actor: Actor; readonly side: Side; readonly by: number },
): Rights {
  const had = rights.accounts.get(actor) ?? emptyAccount;
  const account = { ...had, [side]: addExactly(had[side], by) };
  const accounts = new Map(rights.accounts);
  if (account.spend === 0 && account.increment === 0) accounts.delete(actor);
  else accounts.set(actor, account);
  return { ...rights, accounts };
}

export function withUnsettled(rights: Rights, one: Unsettled): Rights {
  const unsettled = [...rights.unsettled, one].sort(
    (a, b) => compareDots(a.dot, b.dot) || (a.side < b.side ? -1 : a.side > b.side ? 1 : 0) || a.by - b.by,
  );
  return { ...rights, unsettled };
}

export function withOpener(rights: Rights, dot: Dot): Rights {
  if (rights.openers.some((one) => sameDot(one, dot))) return rights;
  return { ...rights, openers: [...rights.openers, dot].sort(compareDots) };
}

export function withHold(rights: Rights, hold: Hold): Rights {
  return { ...rights, holds: [...rights.holds, hold].sort((a, b) => compareDots(a.dot, b.dot)) };
}

/** Takes a hold out; `undefined` when it is not there: it was settled before, or its command survives elsewhere. */
export function withoutHold(
  rights: Rights,
  dot: Dot,
): { readonly rights: Rights; readonly hold: Hold } | undefined {
  const hold = rights.holds.find((one) => sameDot(one.dot, dot));
  if (hold === undefined) return undefined;
  return { hold, rights: { ...rights, holds: rights.holds.filter((one) => one !== hold) } };
}

/** The rights that a counter starts with, by side. */
export type StartRights = Readonly<Record<Side, number>>;

/** All that an actor holds on one side, settled or not. */
export function held(rights: Rights, start: StartRights, actor: Actor, side: Side): ExactSum {
  const account = rights.accounts.get(actor)?.[side] ?? 0;
  const isOpener = rights.openers[0]?.actor === actor;
  return isOpener ? addExactly(account, start[side]) : account;
}

export interface Usable {
  readonly actor: Actor;
  readonly side: Side;
  readonly isStable: (dot: Dot) => boolean;
}

/** What an actor may use now: all that it holds but for what a copy of an event could still undo. */
export function usable(rights: Rights, start: StartRights, { actor, side, isStable }: Usable): number {
  let left = held(rights, start, actor, side);
  for (const one of rights.unsettled) {
    if (one.to === actor && one.side === side && !isStable(one.dot)) left = addExactly(left, -one.by);
  }
  const [opener] = rights.openers;
  if (opener?.actor === actor && !rights.openedForGood && !isStable(opener)) {
    left = addExactly(left, -start[side]);
  }
  return left > 0 ? Number(left) : 0;
}

/** Everybody who holds anything. */
export function holders(rights: Rights): readonly Actor[] {
  const [opener] = rights.openers;
  const actors = new Set(rights.accounts.keys());
  if (opener !== undefined) actors.add(opener.actor);
  return [...actors].sort();
}

/** Sum of one side over everybody; where nobody has opened yet, the start counts too. */
export function sumOf(rights: Rights, start: StartRights, side: Side): ExactSum {
  let sum: ExactSum = start[side];
  for (const account of rights.accounts.values()) sum = addExactly(sum, account[side]);
  return sum;
}

/** Usable and other rights drawn together per region, as far as this state knows. */
export function heldByRegion(rights: Rights, start: StartRights, side: Side): ReadonlyMap<string, ExactSum> {
  const regions = new Map<string, ExactSum>();
  for (const actor of holders(rights)) {
    const region = regionOf(actor);
    regions.set(region, addExactly(regions.get(region) ?? 0, held(rights, start, actor, side)));
  }
  return regions;
}

/** What of an actor's unsettled rights is stable by now: to be said with its next change. `undefined`: nothing new. */
export function newlySettled(
  rights: Rights,
  actor: Actor,
  isStable: (dot: Dot) => boolean,
): VersionVector | undefined {
  const [opener] = rights.openers;
  const dots = rights.unsettled.filter(({ to }) => to === actor).map(({ dot }) => dot);
  if (opener?.actor === actor && !rights.openedForGood) dots.push(opener);
  let settled: VersionVector = new Map();
  for (const dot of dots.sort(compareDots)) if (isStable(dot)) settled = withDot(settled, dot);
  return settled.size === 0 ? undefined : settled;
}

export function encodeRights(rights: Rights): JsonObject {
  const { accounts, unsettled, openers, openedForGood, holds, closing } = rights;
  const sums = [...accounts].map(([actor, { spend, increment }]): [string, Json] => [
    actor,
    [encodeSum(spend), encodeSum(increment)],
  ]);
  return {
    accounts: Object.fromEntries(sums),
    ...(!isNothing(closing) && { closing: encodeClosing(closing) }),
    holds: holds.map(({ dot, by, untilMillis, elsewhere }) => [encodeDot(dot), by, untilMillis, elsewhere]),
    openedForGood,
    openers: openers.map(encodeDot),
    unsettled: unsettled.map(({ dot, to, side, by }) => [encodeDot(dot), to, side, by]),
  };
}

export function decodeRights(json: Json): Rights {
  const stored = storedObject(json);
  const accounts = new Map<Actor, Account>();
  for (const [actor, sums] of Object.entries(storedObject(stored.accounts))) {
    const [spend, increment] = storedArray(sums);
    accounts.set(actor, { spend: decodeSum(spend), increment: decodeSum(increment) });
  }
  return {
    accounts,
    unsettled: storedArray(stored.unsettled).map((one) => {
      const [dot, to, side, by] = storedArray(one);
      return {
        dot: decodeDot(dot),
        to: storedString(to),
        side: storedString(side) === 'increment' ? 'increment' : 'spend',
        by: storedNumber(by),
      };
    }),
    openers: storedArray(stored.openers).map(decodeDot),
    openedForGood: stored.openedForGood === true,
    holds: storedArray(stored.holds).map((one) => {
      const [dot, by, untilMillis, elsewhere] = storedArray(one);
      return {
        dot: decodeDot(dot),
        by: storedNumber(by),
        untilMillis: storedNumber(untilMillis),
        elsewhere: elsewhere === true,
      };
    }),
    closing: stored.closing === undefined ? nothingClosed : decodeClosing(stored.closing),
  };
}
