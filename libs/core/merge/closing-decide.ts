import { regionOf, sameDot, parseDot, type Dot } from '../causality/dot.js';
import { majorityOf } from '../consistency/acks.js';
import type { Asked } from './bounded-asked.js';
import { readActor, type ClosingDeed } from './closing-change.js';
import { mayAgree, votersAgainst, type Closing } from './closings.js';
import { invalidValue } from './operation.js';
import type { Operation, Rejection } from './policy.js';
import { usable } from './rights.js';

const closingOperations: ReadonlySet<string> = new Set(['stand', 'vote', 'yield', 'reclaim']);

/** Another copy of the command could be left out, and take this one, its alias, along. */
const bornElsewhere: Rejection = {
  kind: 'rejected',
  code: 'born_elsewhere',
  path: '',
  detail: 'Rights under a lease are used only by commands that were born in the same region.',
};

/**
 * Why the region may use no rights now. Under a lease: it does not know what a majority had minted within it, or those
 * who agreed to close its rights are part of that majority. Without one: a closing is under way that it agreed to, or that
 * is about itself, so that what it used now could be left out (PROTOCOL §8, ADR 0012).
 */
export function whyLapsed(
  { rights, stamp, place, leaseMillis }: Asked,
  { op }: Operation,
): Rejection | undefined {
  const { closing } = rights;
  const { actor } = stamp.dot;
  const isClosing = closingOperations.has(op);
  if (!place.isBornHere && (isClosing || leaseMillis !== undefined)) return bornElsewhere;
  if (isClosing && op !== 'reclaim') return undefined;
  if (leaseMillis === undefined) {
    const isHeir = (one: Closing): boolean => op === 'reclaim' && one.stand.actor === actor;
    const holds = closing.open.some(
      (one) => one.of === actor || (one.voters.includes(actor) && !isHeir(one)),
    );
    return holds ? lapsed('Rights to this counter are being reclaimed.') : undefined;
  }
  const without = votersAgainst(closing, actor).map(regionOf);
  if (place.hearsMajority(leaseMillis, without)) return undefined;
  return lapsed(`This region has not heard a majority within ${leaseMillis} ms.`);
}

/** Operations of regions among themselves: `detail` is for those who read their logs. */
export function decideClosing(asked: Asked, operation: Operation): ClosingDeed | Rejection {
  return operation.op === 'stand' ? stand(asked, operation) : answer(asked, operation);
}

function stand({ rights, stamp }: Asked, { of: named, stated }: Operation): ClosingDeed | Rejection {
  const actor = stamp.dot.actor;
  const of = readActor(named);
  if (of === undefined) return invalidValue('/of', 'An actor.');
  if (!mayAgree(rights.closing, actor, { heir: actor, of })) return notNow('Another closing is under way.');
  return { kind: 'stand', of, stated: stated === true };
}

function answer(asked: Asked, { op, closing: name }: Operation): ClosingDeed | Rejection {
  const { rights, stamp } = asked;
  const actor = stamp.dot.actor;
  const dot = typeof name === 'string' ? parseDot(name)?.dot : undefined;
  if (dot === undefined) return invalidValue('/closing', 'The dot of a closing.');
  const one = rights.closing.open.find(({ stand: known }) => sameDot(known, dot));
  if (one === undefined) {
    return op === 'vote'
      ? later('The closing has not arrived here, or is over.')
      : notNow('There is no such closing.');
  }
  if (op === 'vote') {
    const to = { heir: dot.actor, of: one.of, stand: dot };
    return mayAgree(rights.closing, actor, to)
      ? { kind: 'vote', stand: dot }
      : notNow('Another closing is under way.');
  }
  if (dot.actor !== actor) return notNow('Only who stood ends it.');
  return op === 'yield' ? { kind: 'yield', stand: dot } : reclaim(asked, one, dot);
}

function reclaim(
  { rights, start, place, leaseMillis }: Asked,
  one: Closing,
  stand: Dot,
): ClosingDeed | Rejection {
  if (!isAgreed(one, place.members, leaseMillis)) return notNow('Not enough regions agree.');
  const sides = { actor: one.of, isStable: () => false };
  const spend = sayable(usable(rights, start, { ...sides, side: 'spend' }));
  const increment = sayable(usable(rights, start, { ...sides, side: 'increment' }));
  return { kind: 'reclaim', stand, of: one.of, spend, increment };
}

/** Rights between two far bounds may be more than a change can carry exactly: what is beyond stays where it is. */
function sayable(rights: number): number {
  return Math.min(rights, Number.MAX_SAFE_INTEGER);
}

/**
 * A majority, which every lease of the closed actor has a member of. Without a lease everybody else: nobody may go on using
 * what came from it.
 */
export function isAgreed(
  { of, voters }: Pick<Closing, 'of' | 'voters'>,
  members: readonly string[],
  leaseMillis: number | undefined,
): boolean {
  const agreed = new Set(voters.map(regionOf));
  if (leaseMillis !== undefined) {
    return members.filter((region) => agreed.has(region)).length >= majorityOf(members.length);
  }
  return members.every((region) => region === regionOf(of) || agreed.has(region));
}

function lapsed(detail: string): Rejection {
  return { kind: 'rejected', code: 'rights_lapsed', path: '', detail };
}

function notNow(detail: string): Rejection {
  return { kind: 'rejected', code: 'precondition_failed', path: '', detail };
}

export function later(detail: string): Rejection {
  return { kind: 'rejected', code: 'not_yet_stable', path: '', detail };
}
