import { assert } from '../assert.js';
import type { Actor, Dot } from '../causality/dot.js';
import { isBeyondDrift } from '../causality/hybrid-timestamp.js';
import { covers, firstMissing, includes, seqOf, type VersionVector } from '../causality/version-vector.js';
import { dependsOnItself, type Dependency } from '../consistency/dependencies.js';
import type { EntityType } from '../merge/entity-type.js';
import { fitsPhase, noMoves, type PhaseFit, type TypeMoves } from '../strong/type-moves.js';
import type { Event } from './event.js';

export type ParkedReason =
  | 'unknown_type'
  | 'unknown_field'
  | 'unknown_policy_version'
  | 'unknown_schema_version'
  | 'invalid_change'
  | 'beyond_drift'
  | 'quarantined'
  | 'own_copy_in_context'
  | 'policy_mismatch';

export type Readiness =
  | { readonly kind: 'ready' }
  /** It can be folded once this dot of its entity is, or, where a shard is named, once this dependency is covered. */
  | {
      readonly kind: 'pending';
      readonly waitsFor: Dot;
      readonly waitsIn?: number;
      readonly reason?: undefined;
    }
  /** It was minted after a move of its type that is not known to be decided here yet. */
  | {
      readonly kind: 'pending';
      readonly reason: 'type_moving';
      readonly waitsFor?: undefined;
      readonly waitsIn?: undefined;
    }
  /** It cannot be folded until somebody acts; its entity is in quarantine, all others flow. */
  | { readonly kind: 'parked'; readonly reason: ParkedReason };

export interface ReadinessInput {
  /** The declared type, if this region knows it. */
  readonly type: EntityType | undefined;
  readonly event: Event;
  /** The entity's `seen`. */
  readonly seen: VersionVector;
  /** Whether an earlier event of the entity is parked. */
  readonly quarantined: boolean;
  /** The actor that this region mints as now. */
  readonly ownActor: Actor;
  readonly nowMillis: number;
  /** Dots of the other events of its command that are stored here. */
  readonly copies: readonly Dot[];
  /** The first of its dependencies that is not covered here. */
  readonly dependencyMissing: Dependency | undefined;
  /** How many shards there are. */
  readonly shards: number;
  /** Dots of the entity's other events that are stored here and not folded. Left out: none. */
  readonly waiting?: readonly Dot[];
  /** Whether the sender declares the type differently at the same version (PROTOCOL §12). */
  readonly policyMismatch?: boolean;
  /** How the types of the shard were moved between strong and eventual. Left out: none ever was. */
  readonly moves?: TypeMoves;
}

const ready: Readiness = { kind: 'ready' };

/** Decides whether a stored event may be folded now, must wait, or must be parked (INV-6, INV-13, INV-14). */
export function readiness(input: ReadinessInput): Readiness {
  const { event, seen } = input;
  const reason = whyParked(input);
  if (reason !== undefined) return { kind: 'parked', reason };
  if (phaseFit(input) === 'early') return { kind: 'pending', reason: 'type_moving' };
  const waitsFor = firstMissing({ wanted: event.context, have: seen });
  if (waitsFor !== undefined) return { kind: 'pending', waitsFor };
  const { dependencyMissing: missing } = input;
  return missing === undefined ? ready : { kind: 'pending', waitsFor: missing.dot, waitsIn: missing.shard };
}

function phaseFit({ type, event, moves = noMoves }: ReadinessInput): PhaseFit {
  return type ? fitsPhase(moves, type, event) : 'early';
}

function whyParked(input: ReadinessInput): ParkedReason | undefined {
  const { type, event, copies } = input;
  const bornHere = event.dot.actor === input.ownActor;
  if (input.quarantined && !bornHere) return 'quarantined';
  if (type === undefined) return 'unknown_type';
  assert(type.name === event.entity.type, 'an event is judged by the declaration of its own type');
  if (input.policyMismatch === true) return 'policy_mismatch';
  if (phaseFit(input) === 'invalid') return 'invalid_change';
  if (event.schemaVersion > type.schemaVersion) return 'unknown_schema_version';
  if (!bornHere && isBeyondDrift(event.time, input.nowMillis)) return 'beyond_drift';
  if (copies.some((copy) => includes(event.context, copy))) return 'own_copy_in_context';
  if (forgetsItself(input) || dependsOnNothingReal(input)) return 'invalid_change';
  return whyUnreadable(type, event);
}

/**
 * An actor has all its own events of an entity in its context. One that has not could be folded before them in one region
 * and after them in another.
 */
function forgetsItself({ event: { dot, context }, seen, waiting = [] }: ReadinessInput): boolean {
  const folded = seqOf(seen, dot.actor);
  const known = seqOf(context, dot.actor);
  if (folded < dot.seq && known < folded) return true;
  return waiting.some(({ actor, seq }) => actor === dot.actor && seq < dot.seq && seq > known);
}

/** Dependencies that no region could ever cover would hold the entity up for ever (INV-14). */
function dependsOnNothingReal({ event, shards }: ReadinessInput): boolean {
  if (event.dependencies === undefined) return false;
  for (const shard of event.dependencies.keys()) if (shard >= shards) return true;
  return dependsOnItself(event);
}

/** A peer region's event is validated like a client's request (INV-14). */
function whyUnreadable(type: EntityType, event: Event): ParkedReason | undefined {
  if (includes(event.context, event.dot)) return 'invalid_change';
  if (event.observed !== undefined && !covers(event.context, event.observed)) return 'invalid_change';
  if (event.kind === 'delete' && event.changes.length > 0) return 'invalid_change';
  for (const { field: name, policyVersion, change } of event.changes) {
    const field = type.fields.get(name);
    if (field === undefined) return 'unknown_field';
    if (policyVersion !== field.policy.version) return 'unknown_policy_version';
    const read: unknown = field.policy.readChange(change);
    if (read === undefined) return 'invalid_change';
    const isOfThisSchema = event.schemaVersion === type.schemaVersion;
    if (isOfThisSchema && field.policy.isValid?.(read) === false) return 'invalid_change';
  }
  return undefined;
}
