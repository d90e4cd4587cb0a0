import type { Json } from '../json.js';
import type { AnyPolicy } from './policy.js';

/** `delete-wins`: only what has seen every delete counts. `update-wins`: a delete takes only what it had seen. */
export type DeleteRule = 'update-wins' | 'delete-wins';

export interface Field {
  readonly policy: AnyPolicy;
  /** What a required field reads as while it has no value. */
  readonly fallback?: Json;
}

/** The part of an id before the first `idBefore` is the partition key; an id without it is a key as a whole. */
export interface PartitionRule {
  readonly idBefore: string;
}

/** A declared entity type: a record of fields, each with its policy, and a delete rule. */
export interface EntityType {
  readonly name: string;
  readonly schemaVersion: number;
  readonly fields: ReadonlyMap<string, Field>;
  readonly onDelete: DeleteRule;
  readonly consistency: 'eventual' | 'strong';
  /** Of a strong type: the least that its writes may ask for. Absent: a majority. */
  readonly acks?: 'local' | '1';
  /** Absent: each entity hashes to a shard of its own accord. */
  readonly partitionBy?: PartitionRule;
}

export type EntityTypes = ReadonlyMap<string, EntityType>;
