import { parseDot, regionOf, sameDot, type Dot } from '../causality/dot.js';
import type { Asked, Counted } from './bounded-asked.js';
import type { BoundedChange, BoundedDeed } from './bounded-change.js';
import { decideClosing, later, whyLapsed } from './closing-decide.js';
import { addExactly, shownSum } from './exact-sum.js';
import { invalidValue, outOfRange, readInteger, unknownOperation, wrongArguments } from './operation.js';
import { nowhere, type Decision, type DecisionStamp, type Operation, type Rejection } from './policy.js';
import { heldByRegion, newlySettled, sumOf, usable, type Hold, type Side } from './rights.js';

/** How long a reservation may last at most: 30 days, in milliseconds. */
export const reservationMillisMax = 30 * 24 * 3_600_000;

const operations = ['increment', 'spend', 'transfer', 'reserve', 'confirm', 'cancel'];

/** Decides an operation where it was sent: the region uses only rights that its own actor holds and may use now. */
export function decideBounded(
  counted: Counted,
  operation: Operation,
  stamp: DecisionStamp,
): Decision<BoundedChange> {
  const place = stamp.place ?? nowhere;
  const decided = deedOf({ ...counted, place, stamp }, operation);
  if ('code' in decided) return decided;
  const settled = newlySettled(counted.rights, stamp.dot.actor, place.isStable);
  return {
    kind: 'accepted',
    change: { deed: decided, elsewhere: !place.isBornHere, ...(settled && { settled }) },
  };
}

function deedOf(asked: Asked, operation: Operation): BoundedDeed | Rejection {
  const lapsed = whyLapsed(asked, operation);
  if (lapsed) return lapsed;
  switch (operation.op) {
    case 'increment':
    case 'spend':
      return move(asked, operation, operation.op);
    case 'transfer':
      return transfer(asked, operation);
    case 'reserve':
      return reserve(asked, operation);
    case 'confirm':
    case 'cancel':
    case 'expire':
      return settleHold(asked, operation, operation.op);
    case 'open':
      return open(asked);
    case 'grant':
      return grant(asked, operation);
    case 'stand':
    case 'vote':
    case 'yield':
    case 'reclaim':
      return decideClosing(asked, operation);
    default:
      return unknownOperation('bounded-counter', operation, operations);
  }
}

function move(asked: Asked, operation: Operation, kind: Side): BoundedDeed | Rejection {
  const wrong = wrongArguments(operation, ['by']);
  if (wrong) return wrong;
  const by = readAmount(operation, 'by');
  if (typeof by !== 'number') return by;
  const lacking = kind === 'spend' || asked.bounds.max !== undefined ? lacks(asked, kind, by) : undefined;
  if (lacking) return lacking;
  if (kind === 'increment' && leavesRange(asked, by)) {
    return outOfRange('/by', 'The value would leave ±(2^53−1).');
  }
  return { kind, by };
}

/** The value is as far above its minimum as there are rights to spend, and what is set aside may be given back to it. */
function leavesRange({ rights, start, bounds }: Asked, by: number): boolean {
  let highest = addExactly(addExactly(sumOf(rights, start, 'spend'), bounds.min), by);
  for (const hold of rights.holds) highest = addExactly(highest, hold.by);
  return typeof highest === 'bigint';
}

function transfer(asked: Asked, operation: Operation): BoundedDeed | Rejection {
  const { place, stamp, bounds } = asked;
  const names = operation.of === undefined ? ['to', 'by'] : ['to', 'by', 'of'];
  const wrong = wrongArguments(operation, names);
  if (wrong) return wrong;
  const side = operation.of ?? 'spend';
  if (side !== 'spend' && !(side === 'increment' && bounds.max !== undefined)) {
    return invalidValue('/of', "'spend', or 'increment' where the counter has a maximum.");
  }
  const by = readAmount(operation, 'by');
  if (typeof by !== 'number') return by;
  if (typeof operation.to !== 'string') return invalidValue('/to', 'The name of a region.');
  if (operation.to === regionOf(stamp.dot.actor)) {
    return invalidValue('/to', 'Rights are transferred to another region.');
  }
  const to = place.actorOf(operation.to);
  if (to === undefined) return invalidValue('/to', `There is no region '${operation.to}'.`);
  if (to === 'unheard') {
    return later(`The region '${operation.to}' has not been heard of here yet.`);
  }
  return lacks(asked, side, by) ?? { kind: 'transfer', to, by, side };
}

/** A region's answer to another one: as much as is wanted where that leaves half, and what is needed if it has it. */
function grant(asked: Asked, { to, of, need, want }: Operation): BoundedDeed | Rejection {
  const side = of === 'increment' ? 'increment' : 'spend';
  const mine = usableBy(asked, side);
  if (mine === 0) return lacks(asked, side, 1) as Rejection;
  const by = Math.min(Number(want), mine, Math.max(Number(need), Math.floor(mine / 2)));
  return { kind: 'transfer', to: String(to), by, side };
}

function reserve(asked: Asked, operation: Operation): BoundedDeed | Rejection {
  const { stamp, rights } = asked;
  const wrong = wrongArguments(operation, ['by', 'forMillis']);
  if (wrong) return wrong;
  const by = readAmount(operation, 'by');
  if (typeof by !== 'number') return by;
  const forMillis = readAmount(operation, 'forMillis');
  if (typeof forMillis !== 'number') return forMillis;
  if (forMillis > reservationMillisMax) {
    return outOfRange('/forMillis', `A reservation lasts at most ${reservationMillisMax} ms.`);
  }
  if (rights.holds.some(({ dot }) => sameDot(dot, stamp.dot))) {
    return invalidValue('/op', 'One change reserves once of each field.');
  }
  const untilMillis = stamp.time.wallMillis + forMillis;
  return lacks(asked, 'spend', by) ?? { kind: 'reserve', by, untilMillis };
}

/** Only the region that reserved decides what becomes of it, so its own events alone say whether it has expired. */
function settleHold(
  { rights, stamp, place }: Asked,
  operation: Operation,
  op: 'confirm' | 'cancel' | 'expire',
): BoundedDeed | Rejection {
  const wrong = wrongArguments(operation, ['reservation']);
  if (wrong) return wrong;
  const name = operation.reservation;
  const dot = typeof name === 'string' ? parseDot(name)?.dot : undefined;
  if (dot === undefined) return invalidValue('/reservation', 'The id that a reservation was answered with.');
  if (dot.actor !== stamp.dot.actor) {
    const region = regionOf(dot.actor);
    if (region === regionOf(stamp.dot.actor))
      return gone('It is not known here: it was never taken, or was lost when this region was restored.');
    return {
      kind: 'rejected',
      code: 'reservation_elsewhere',
      path: '/reservation',
      detail: `It was taken in ${region}, and only ${region} can settle it.`,
    };
  }
  const hold = rights.holds.find((one) => sameDot(one.dot, dot));
  if (hold === undefined) return gone('It was never taken, or it is confirmed, cancelled or expired.');
  return settledHold(hold, { op, isStable: place.isStable, nowMillis: stamp.time.wallMillis });
}

function settledHold(
  { dot, untilMillis, elsewhere }: Hold,
  how: {
    readonly op: 'confirm' | 'cancel' | 'expire';
    readonly isStable: (dot: Dot) => boolean;
    readonly nowMillis: number;
  },
): BoundedDeed | Rejection {
  const { op, nowMillis } = how;
  const hasExpired = nowMillis >= untilMillis;
  if (op === 'confirm' && hasExpired) return gone(`It expired ${nowMillis - untilMillis} ms ago.`);
  if (op === 'expire' && !hasExpired) return gone('It has not expired.');
  if (elsewhere && !how.isStable(dot)) {
    return later('It was reserved outside the region where its command was born, and is not stable yet.');
  }
  return op === 'confirm' ? { kind: op, hold: dot } : { kind: 'cancel', hold: dot, expired: op === 'expire' };
}

function open({ rights, start }: Asked): BoundedDeed | Rejection {
  if (rights.openers.length === 0 && start.spend + start.increment > 0) return { kind: 'open' };
  return { kind: 'rejected', code: 'precondition_failed', path: '', detail: 'There is nothing to open.' };
}

function readAmount(operation: Operation, name: string): number | Rejection {
  const amount = readInteger(operation[name]);
  if (amount === 'out of range') return outOfRange(`/${name}`, 'An integer lies within ±(2^53−1).');
  if (amount === 'invalid' || amount < 1) return invalidValue(`/${name}`, 'A whole number from 1.');
  return amount;
}

function usableBy({ rights, start, place, stamp }: Asked, side: Side): number {
  return usable(rights, start, { actor: stamp.dot.actor, side, isStable: place.isStable });
}

/** Why the rights here do not reach, with what is known of everybody's. */
function lacks(asked: Asked, side: Side, by: number): Rejection | undefined {
  const mine = usableBy(asked, side);
  if (by <= mine) return undefined;
  const { rights, start, stamp } = asked;
  const own = regionOf(stamp.dot.actor);
  const regions = heldByRegion(rights, start, side);
  const waiting = Number(shownSum(regions.get(own) ?? 0)) - mine;
  const others = [...regions].filter(([region, sum]) => region !== own && sum > 0);
  const known = others.map(([region, sum]) => `${region} ${sum}`).join(', ');
  return {
    kind: 'rejected',
    code: 'insufficient_rights',
    path: '/by',
    detail:
      `It takes ${by} rights to ${side}; this region may use ${mine}` +
      `${waiting > 0 ? ` and holds ${waiting} more that are not stable yet` : ''}; ` +
      `others hold, as far as is known here: ${known === '' ? 'none' : known}.`,
  };
}

function gone(detail: string): Rejection {
  return { kind: 'rejected', code: 'reservation_not_found', path: '/reservation', detail };
}
