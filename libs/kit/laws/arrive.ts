import { dotKey } from '#core/causality/dot.js';
import { seqOf, type VersionVector } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Event } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { comparisonFor, ConflictIndex } from '#core/merge/conflict-index.js';
import {
  allConflicts,
  compareConflicts,
  conflictKeyText,
  conflictsOf,
  type ConflictPair,
} from '#core/merge/conflicts.js';
import { foldEvent } from '#core/merge/entity-fold.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { decodeEntity, encodeEntity } from '#core/merge/entity-value.js';
import { foldLog } from '#core/merge/fold-log.js';
import { parseJson } from '#core/parse-json.js';
import { copiesAmong } from './entity-histories.js';

/** An entity of a region that folds events as they arrive. */
export interface Arrived {
  readonly type: EntityType;
  readonly log: readonly Event[];
  readonly state: EntityState;
  readonly refolds: number;
}

export function nothingArrived(type: EntityType): Arrived {
  return { type, log: [], state: untouchedEntity, refolds: 0 };
}

/** One more event; a duplicate is folded too, and must change nothing. */
export function arrive(arrived: Arrived, event: Event): Arrived {
  const { type, state } = arrived;
  const folded = foldEvent(type, state, event, copiesAmong(arrived.log, event));
  const isKnown = arrived.log.some(({ dot }) => dotKey(dot) === dotKey(event.dot));
  const log = isKnown ? arrived.log : [...arrived.log, event];
  if (folded.kind === 'folded') return { ...arrived, log, state: folded.state };
  return { ...arrived, log, state: foldLog(type, log), refolds: arrived.refolds + 1 };
}

/** As after a restart: the state is read back from its bytes. */
export function reload({ type, state, ...arrived }: Arrived): Arrived {
  const text = canonicalText(encodeEntity(type, state));
  return { ...arrived, type, state: decodeEntity(type, parseJson(text) as Json) };
}

/** As after a repair: the state is folded anew from the log. */
export function refold(arrived: Arrived): Arrived {
  return { ...arrived, state: foldLog(arrived.type, arrived.log) };
}

/** The bytes that a region stores. */
export function bytesOf({ type, state }: Arrived): string {
  return canonicalText(encodeEntity(type, state));
}

/** Conflicts as a region finds them, one event at a time. */
export class ArrivingConflicts {
  readonly #pairs = new Map<string, ConflictPair>();
  #index: ConflictIndex | undefined;
  /** How often the tail had to be read again, lower. */
  lowered = 0;
  withdrawn = 0;

  /** @param indexed keeps the tail ready between events, as for a busy entity; else each event brings the tail it asks for. */
  constructor(readonly indexed: boolean) {}

  /** Looks at an event that is about to be folded. */
  look(before: Arrived, event: Event): void {
    const { type, log, state } = before;
    if (log.some(({ dot }) => dotKey(dot) === dotKey(event.dot))) return;
    const folded = foldEvent(type, state, event, copiesAmong(log, event));
    if (folded.kind === 'refold' && folded.reason === 'copy') return this.#startAgain(before, event);
    if (this.indexed) this.#index ??= new ConflictIndex(type, { above: new Map(), events: log }, state);
    const { beside, back } = comparisonFor(type, event, state);
    if (this.#index && !beside && !back) return this.#index.add(event);
    for (const pair of this.#ask(before, event)) this.#pairs.set(conflictKeyText(pair, 0), pair);
  }

  #startAgain({ type, log }: Arrived, event: Event): void {
    this.#index = undefined;
    const compared = compareConflicts([...this.#pairs.values()], allConflicts(type, [...log, event]));
    for (const pair of compared.withdrawn) this.#pairs.delete(conflictKeyText(pair, 0));
    for (const pair of compared.found) this.#pairs.set(conflictKeyText(pair, 0), pair);
    this.withdrawn += compared.withdrawn.length;
  }

  #ask({ type, log, state }: Arrived, event: Event): readonly ConflictPair[] {
    let above: VersionVector = state.seen;
    for (;;) {
      const from = above;
      const events = log.filter(({ dot }) => dot.seq > seqOf(from, dot.actor));
      const index = this.#index === undefined ? {} : { index: this.#index };
      const found = conflictsOf({ type, event, state, tail: { above, events }, ...index });
      if (found.kind === 'pairs') return found.pairs;
      if (
        [...found.above.values()].reduce((a, b) => a + b, 0) >= [...above.values()].reduce((a, b) => a + b, 0)
      ) {
        throw new Error('a lower tail is asked for each time');
      }
      above = found.above;
      this.lowered += 1;
    }
  }

  texts(): readonly string[] {
    return [...this.#pairs.keys()].sort();
  }
}
