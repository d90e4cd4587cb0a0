import type { Json } from '#core/json.js';

/** An event as one region's log holds it, as far as the judge looks. */
export interface LoggedEvent {
  readonly region: string;
  /** `actor:shard:seq`. */
  readonly dot: string;
  readonly mutationId: string;
  /** Whether this region counts it as the alias of another copy of its command. */
  readonly alias: boolean;
}

/** What one field reads as in one region at the end. */
export interface FinalValue {
  readonly region: string;
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly value: Json;
}

export type FindingKind =
  /** An acknowledged write is missing from a log or from a value. */
  | 'lost'
  /** A command counts more than once. */
  | 'doubled'
  /** Something took effect that was answered as failed, or that nobody asked for. */
  | 'phantom'
  /** Two regions differ. */
  | 'differs';

export interface Finding {
  readonly kind: FindingKind;
  readonly what: string;
}

export interface Verdict {
  /** Acknowledged writes that some region lacks. */
  readonly lostWrites: number;
  /** Commands that some region counts twice. */
  readonly doubleApplied: number;
  readonly phantoms: number;
  /** Fields whose values differ between regions. */
  readonly differences: number;
  /** At most `findingsMax` of them, in words. */
  readonly findings: readonly Finding[];
  /** What was looked at, so that an empty verdict is seen as empty. */
  readonly looked: {
    readonly acknowledged: number;
    readonly unknown: number;
    readonly failed: number;
    readonly events: number;
    readonly values: number;
  };
}

/** More are counted but not kept. */
export const findingsMax = 50;

/** Gathers findings; one command or field counts once per kind, however many regions show it. */
export class Findings {
  readonly #kept: Finding[] = [];
  readonly #subjects: Readonly<Record<FindingKind, Set<string>>> = {
    lost: new Set(),
    doubled: new Set(),
    phantom: new Set(),
    differs: new Set(),
  };

  add(kind: FindingKind, subject: string, what: string): void {
    if (this.#subjects[kind].has(subject)) return;
    this.#subjects[kind].add(subject);
    if (this.#kept.length < findingsMax) this.#kept.push({ kind, what });
  }

  has(kind: FindingKind, subject: string): boolean {
    return this.#subjects[kind].has(subject);
  }

  count(kind: FindingKind): number {
    return this.#subjects[kind].size;
  }

  kept(): readonly Finding[] {
    return this.#kept;
  }
}
