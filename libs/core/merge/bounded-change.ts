import type { Actor, Dot } from '../causality/dot.js';
import { decodeVector, encodeVector, type VersionVector } from '../causality/version-vector.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import { readInteger } from './operation.js';
import { readActor, readClosingDeed, readDot, writeClosingDeed, type ClosingDeed } from './closing-change.js';
import type { Side } from './rights.js';

/**
 * - `open`: claims the rights that a counter starts with, where its bounds leave any.
 * - `transfer`: hands rights of the event's own actor to another one.
 * - `reserve`: sets units aside; `confirm` spends them, `cancel` gives them back. Both name the dot that reserved.
 * - `stand`: begins to close the rights of another actor; `vote` agrees. Then the one who stood ends it, with `reclaim`,
 *   which takes them over, or with `yield`, which leaves them. All name the dot that stood.
 */
export type BoundedDeed =
  | { readonly kind: 'open' }
  | { readonly kind: 'increment'; readonly by: number }
  | { readonly kind: 'spend'; readonly by: number }
  | { readonly kind: 'transfer'; readonly to: Actor; readonly by: number; readonly side: Side }
  | { readonly kind: 'reserve'; readonly by: number; readonly untilMillis: number }
  | { readonly kind: 'confirm'; readonly hold: Dot }
  | { readonly kind: 'cancel'; readonly hold: Dot; readonly expired: boolean }
  | ClosingDeed;

export interface BoundedChange {
  readonly deed: BoundedDeed;
  /** Taken outside the birth region of its command: the rights it makes cannot be used before it is stable. */
  readonly elsewhere: boolean;
  /** What made rights for this event's actor and is stable by its knowledge: these rights are as good as any from here on. */
  readonly settled?: VersionVector;
}

export function writeBoundedChange({ deed, elsewhere, settled }: BoundedChange): JsonObject {
  return {
    ...writeDeed(deed),
    ...(elsewhere && { elsewhere }),
    ...(settled && { settled: encodeVector(settled) }),
  };
}

function writeDeed(deed: BoundedDeed): JsonObject {
  if (deed.kind === 'confirm' || deed.kind === 'cancel')
    return { ...deed, hold: [deed.hold.actor, deed.hold.seq] };
  return 'stand' in deed || deed.kind === 'stand' ? writeClosingDeed(deed) : { ...deed };
}

/** Reads what a peer sent, to the letter (INV-14). */
export function readBoundedChange(json: Json): BoundedChange | undefined {
  if (!isObject(json)) return undefined;
  const { elsewhere, settled: encoded, ...rest } = json;
  if (elsewhere !== undefined && elsewhere !== true) return undefined;
  const settled = encoded === undefined ? undefined : readSettled(encoded);
  if (encoded !== undefined && settled === undefined) return undefined;
  const deed = readDeed(rest);
  if (deed === undefined) return undefined;
  return { deed, elsewhere: elsewhere === true, ...(settled && { settled }) };
}

function readSettled(json: Json): VersionVector | undefined {
  const settled = decodeVector(json);
  return settled && [...settled.keys()].every((actor) => readActor(actor) !== undefined)
    ? settled
    : undefined;
}

function readDeed(json: JsonObject): BoundedDeed | undefined {
  const { kind, ...rest } = json;
  const names = Object.keys(rest).sort().join();
  const by = amount(rest.by);
  switch (kind) {
    case 'open':
      return names === '' ? { kind } : undefined;
    case 'increment':
    case 'spend':
      return names === 'by' && by !== undefined ? { kind, by } : undefined;
    case 'transfer': {
      const { side } = rest;
      const to = readActor(rest.to);
      if (names !== 'by,side,to' || by === undefined || to === undefined) return undefined;
      return side === 'spend' || side === 'increment' ? { kind, to, by, side } : undefined;
    }
    case 'reserve': {
      const untilMillis = readInteger(rest.untilMillis);
      if (names !== 'by,untilMillis' || by === undefined || typeof untilMillis !== 'number') return undefined;
      return { kind, by, untilMillis };
    }
    case 'confirm': {
      const hold = readDot(rest.hold);
      return names === 'hold' && hold ? { kind, hold } : undefined;
    }
    case 'cancel': {
      const hold = readDot(rest.hold);
      if (names !== 'expired,hold' || !hold || typeof rest.expired !== 'boolean') return undefined;
      return { kind, hold, expired: rest.expired };
    }
    default:
      return readClosingDeed(json);
  }
}

/** From 1: what moves nothing is no event. */
function amount(json: Json | undefined): number | undefined {
  const by = readInteger(json);
  return typeof by === 'number' && by >= 1 ? by : undefined;
}
