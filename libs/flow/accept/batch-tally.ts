import type { ConflictRow } from '../ports/event-log.js';

/** Counts for telemetry, reported once the batch is durable. */
export interface BatchTally {
  folded: number;
  pending: number;
  parked: number;
  aliases: number;
  refolds: number;
  readonly conflicts: ConflictRow[];
}
