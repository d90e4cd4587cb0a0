import type { Actor, Dot } from '../causality/dot.js';
import { isWellFormed } from '../event/text-limits.js';
import type { Json, JsonObject } from '../json.js';
import { readInteger } from './operation.js';

/** What takes the rights of an actor away from it without its own doing (PROTOCOL §8). */
export type ClosingDeed =
  /** `stated`: an operator has said that the actor's database is destroyed. Then everybody else has to agree. */
  | { readonly kind: 'stand'; readonly of: Actor; readonly stated: boolean }
  | { readonly kind: 'vote'; readonly stand: Dot }
  | { readonly kind: 'yield'; readonly stand: Dot }
  /** The amounts are what the actor held in the context of the event; they go to the actor of the event. */
  | {
      readonly kind: 'reclaim';
      readonly stand: Dot;
      readonly of: Actor;
      readonly spend: number;
      readonly increment: number;
    };

export function writeClosingDeed(deed: ClosingDeed): JsonObject {
  if (deed.kind === 'stand') return { ...deed };
  return { ...deed, stand: [deed.stand.actor, deed.stand.seq] };
}

/** Reads what a peer sent, to the letter (INV-14). */
export function readClosingDeed({ kind, ...rest }: JsonObject): ClosingDeed | undefined {
  const names = Object.keys(rest).sort().join();
  const stand = readDot(rest.stand);
  const of = readActor(rest.of);
  switch (kind) {
    case 'stand':
      if (names !== 'of,stated' || of === undefined || typeof rest.stated !== 'boolean') return undefined;
      return { kind, of, stated: rest.stated };
    case 'vote':
    case 'yield':
      return names === 'stand' && stand ? { kind, stand } : undefined;
    case 'reclaim': {
      const spend = part(rest.spend);
      const increment = part(rest.increment);
      if (names !== 'increment,of,spend,stand' || !stand || of === undefined) return undefined;
      return spend === undefined || increment === undefined
        ? undefined
        : { kind, stand, of, spend, increment };
    }
    default:
      return undefined;
  }
}

function part(json: Json | undefined): number | undefined {
  const amount = readInteger(json);
  return typeof amount === 'number' && amount >= 0 ? amount : undefined;
}

/** A name that can be stored: an actor with U+0000 or a lone surrogate in it could not (INV-14). */
export function readActor(json: Json | undefined): Actor | undefined {
  return typeof json === 'string' && json !== '' && isWellFormed(json) ? json : undefined;
}

export function readDot(json: Json | undefined): Dot | undefined {
  if (!Array.isArray(json) || json.length !== 2) return undefined;
  const [first, seq] = json as readonly Json[];
  const actor = readActor(first);
  if (actor === undefined) return undefined;
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 1 ? { actor, seq } : undefined;
}
