import { compareDots, sameDot, type Actor, type Dot } from '../causality/dot.js';
import type { Json, JsonObject } from '../json.js';
import type { ClosingDeed } from './closing-change.js';
import { decodeDot, encodeDot, storedArray, storedObject, storedString } from './stored-form.js';

/** A closing that is under way: somebody stood to take the rights of an actor over, and these agree. */
export interface Closing {
  /** Names it; its actor is the heir. */
  readonly stand: Dot;
  readonly of: Actor;
  readonly stated: boolean;
  /** The heir too. In order. */
  readonly voters: readonly Actor[];
}

/** A closing that took rights over. What the actor did besides, not knowing of it, is left out everywhere. */
export interface Reclaimed {
  readonly of: Actor;
  readonly dot: Dot;
}

/** All of a counter's life that is about closing rights. In order of dots. */
export interface ClosingRecord {
  readonly open: readonly Closing[];
  readonly reclaimed: readonly Reclaimed[];
  /** Events that are left out: their actor must not be told that they count. */
  readonly leftOut: readonly Dot[];
}

export const nothingClosed: ClosingRecord = { open: [], reclaimed: [], leftOut: [] };

export function isNothing({ open, reclaimed, leftOut: out }: ClosingRecord): boolean {
  return open.length + reclaimed.length + out.length === 0;
}

/** What a closing deed does, besides the rights that a reclaim moves. */
export function closed(record: ClosingRecord, deed: ClosingDeed, dot: Dot): ClosingRecord {
  switch (deed.kind) {
    case 'stand': {
      const { of, stated } = deed;
      const open = [...record.open, { stand: dot, of, stated, voters: [dot.actor] }];
      return { ...record, open: open.sort((a, b) => compareDots(a.stand, b.stand)) };
    }
    case 'vote': {
      const open = record.open.map((one) =>
        sameDot(one.stand, deed.stand) && !one.voters.includes(dot.actor)
          ? { ...one, voters: [...one.voters, dot.actor].sort() }
          : one,
      );
      return { ...record, open };
    }
    case 'yield':
      return { ...record, open: record.open.filter(({ stand }) => !sameDot(stand, deed.stand)) };
    case 'reclaim': {
      // Whose rights are taken over takes nobody's over any more.
      const open = record.open.filter(({ stand }) => !sameDot(stand, deed.stand) && stand.actor !== deed.of);
      const reclaimed = [...record.reclaimed, { of: deed.of, dot }];
      return { ...record, open, reclaimed: reclaimed.sort((a, b) => compareDots(a.dot, b.dot)) };
    }
  }
}

export function leftOut(record: ClosingRecord, dot: Dot): ClosingRecord {
  if (record.leftOut.some((one) => sameDot(one, dot))) return record;
  return { ...record, leftOut: [...record.leftOut, dot].sort(compareDots) };
}

/** Regions whose word an actor cannot count on to use its rights: they agreed to close them. */
export function votersAgainst({ open }: ClosingRecord, actor: Actor): readonly Actor[] {
  return open.filter(({ of }) => of === actor).flatMap(({ voters }) => voters);
}

/**
 * Whether an actor may agree to a closing, or stand for one. It agrees to one at a time: of two that could both take the
 * same rights over somebody would have agreed to both. The exception is the closing of an heir, whose own closings end
 * with it.
 */
export function mayAgree(
  { open }: ClosingRecord,
  actor: Actor,
  to: { readonly heir: Actor; readonly of: Actor; readonly stand?: Dot },
): boolean {
  if (actor === to.of || to.heir === to.of) return false;
  return open.every(({ stand, of, voters }) => {
    if (!voters.includes(actor) || (to.stand && sameDot(stand, to.stand))) return true;
    return stand.actor === to.of && of !== to.heir;
  });
}

export function encodeClosing({ open, reclaimed, leftOut: out }: ClosingRecord): JsonObject {
  return {
    leftOut: out.map(encodeDot),
    open: open.map(({ stand, of, stated, voters }) => [encodeDot(stand), of, stated, voters]),
    reclaimed: reclaimed.map(({ of, dot }) => [of, encodeDot(dot)]),
  };
}

export function decodeClosing(json: Json): ClosingRecord {
  const stored = storedObject(json);
  return {
    leftOut: storedArray(stored.leftOut).map(decodeDot),
    open: storedArray(stored.open).map((one) => {
      const [stand, of, stated, voters] = storedArray(one);
      return {
        stand: decodeDot(stand),
        of: storedString(of),
        stated: stated === true,
        voters: storedArray(voters).map(storedString),
      };
    }),
    reclaimed: storedArray(stored.reclaimed).map((one) => {
      const [of, dot] = storedArray(one);
      return { of: storedString(of), dot: decodeDot(dot) };
    }),
  };
}
