import type { Dot } from '../causality/dot.js';
import type { StoredEvent } from './event.js';

/** The head of one actor's stream as it is stored here: the highest seq without a gap, and that event's hash. */
export interface StoredCursor {
  readonly stored: number;
  readonly hash: string;
}

export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

export type Receipt =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'early'; readonly missing: SeqRange }
  | { readonly kind: 'fork'; readonly at: Dot };

/** What `receive` needs to know of a record. */
export interface EventHeader {
  readonly dot: Dot;
  readonly prev: string;
  readonly hash: string;
}

/** The head of a stream of which nothing has been stored. */
export const nothingStored: StoredCursor = { stored: 0, hash: '' };

/**
 * Decides what a record from another region is to this shard. Nothing is ever skipped (INV-3), and two events with one
 * dot are noticed as far as the chain's head shows them (INV-8).
 */
export function receive(cursor: StoredCursor, event: EventHeader): Receipt {
  const { stored, hash } = cursor;
  if (event.dot.seq === stored && event.hash !== hash) return { kind: 'fork', at: event.dot };
  if (event.dot.seq <= stored) return { kind: 'duplicate' };
  if (event.dot.seq > stored + 1)
    return { kind: 'early', missing: { from: stored + 1, to: event.dot.seq - 1 } };
  return event.prev === hash ? { kind: 'next' } : { kind: 'fork', at: event.dot };
}

/** Whether each event follows the one before it. */
export function isChain(events: readonly StoredEvent[]): boolean {
  return events.every(({ event }, at) => at === 0 || event.prev === events[at - 1]?.hash);
}
