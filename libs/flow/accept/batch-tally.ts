import type { ParkedReason } from '#core/event/readiness.js';
import type { ConflictRow } from '../ports/event-log.js';

/** Counts for telemetry, reported once the batch is durable. */
export interface BatchTally {
  folded: number;
  aliases: number;
  /** Entity types, one for each event that waits for another, and for each entity that was folded again. */
  readonly pending: string[];
  readonly refolds: string[];
  readonly parked: { readonly type: string; readonly reason: ParkedReason; readonly events: number }[];
  readonly conflicts: ConflictRow[];
}
