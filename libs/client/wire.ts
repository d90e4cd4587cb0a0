import type { FieldError } from '#core/errors.js';
import type { Json, JsonObject } from '#core/json.js';

/** What regions send and take, as far as this client uses it. */

/** `{ field, op, … }`. */
export interface FieldOperation {
  readonly field: string;
  readonly op: string;
  readonly [argument: string]: Json;
}

export interface WireWrite {
  readonly mutationId: string;
  /** `actor:shard:seq`. */
  readonly dot: string;
  /** The entity's `seen` after the write. */
  readonly seen: Readonly<Record<string, number>>;
  readonly version: string;
  readonly session: string;
  /** Stored before: this is what became of the first try. */
  readonly replayed: boolean;
}

export interface WireEntity {
  readonly type: string;
  readonly id: string;
  /** `null`: never written, or deleted. */
  readonly value: JsonObject | null;
  readonly seen: Readonly<Record<string, number>>;
  readonly version: string;
  readonly session?: string;
  readonly openConflicts: readonly string[];
  readonly quarantined: boolean;
}

export interface WireProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId?: string;
  readonly region?: string;
  readonly errors?: readonly FieldError[];
}
