import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import { isWellFormed } from '#core/event/text-limits.js';
import type { DeleteRule, PartitionRule } from '#core/merge/entity-type.js';
import { DeclarationError } from './declaration-error.js';
import type { FieldDeclaration, OperationOf, ValueOf } from './field.js';

export type Fields = Readonly<Record<string, FieldDeclaration>>;

/**
 * Once events are stored, the fields that they changed stay declared, with the policies they had, and so do `onDelete`,
 * `consistency` and `partitionBy`: a region does not start with a declaration that its own log cannot be read with (ADR 0017).
 */
export interface EntityOptions<F extends Fields> {
  readonly fields: F;
  /** Without it: `update-wins`. */
  readonly onDelete?: DeleteRule;
  /** Without it: `eventual`. `strong`: linearizable, by one region at a time and a majority of all (PROTOCOL §8). */
  readonly consistency?: 'eventual' | 'strong';
  /**
   * For strong types: lets a write ask for fewer acks than a majority, down to this. Such a write is answered before it is
   * decided, may be left out by the next home, and is not linearizable. Without it: `Atoll-Acks` below a majority is refused.
   */
  readonly acks?: 'local' | '1';
  /**
   * The partition key: the part of the id before the first `idBefore` (`{ idBefore: ':' }`: of `acme:savings` it is `acme`; an id
   * without one is its own key). Entities with one key, of whatever types that declare one, lie in one shard, and those of
   * strong types can be changed together, all or nothing. The key alone decides the shard, for ever: it cannot be
   * added, changed or taken away once there are entities of the type. Without it: each entity lies by itself.
   */
  readonly partitionBy?: PartitionRule;
  /**
   * Raised whenever the options of a field change: the schema of its values, its statuses, its default. Events carry it, and
   * values are held against the schema of their own version. Fields are added without it. Without it: 1.
   */
  readonly schemaVersion?: number;
}

export interface EntityDeclaration<F extends Fields = Fields> {
  readonly fields: F;
  readonly onDelete: DeleteRule;
  readonly consistency: 'eventual' | 'strong';
  readonly acks?: 'local' | '1';
  readonly schemaVersion: number;
  readonly partitionBy?: PartitionRule;
}

/** What a read of the entity shows. */
export type EntityValue<E> =
  E extends EntityDeclaration<infer F> ? { readonly [K in keyof F]: ValueOf<F[K]> } : never;

/** One operation of a change, as it is sent. */
export type EntityOperation<E> =
  E extends EntityDeclaration<infer F>
    ? { [K in keyof F & string]: { readonly field: K } & OperationOf<F[K]> }[keyof F & string]
    : never;

const separatorLengthMax = 16;

function isSeparator(text: unknown): boolean {
  return (
    typeof text === 'string' && text.length > 0 && text.length <= separatorLengthMax && isWellFormed(text)
  );
}

const schemaVersionMax = 1_000_000;

/**
 * Declares an entity type: a record of fields, each with its merge policy, and a rule for delete.
 *
 * @throws DeclarationError
 */
export function entity<const F extends Fields>(options: EntityOptions<F>): EntityDeclaration<F> {
  const { fields, onDelete = 'update-wins', consistency = 'eventual', schemaVersion = 1 } = options;
  const { acks, partitionBy } = options;
  if (onDelete !== 'update-wins' && onDelete !== 'delete-wins') {
    throw new DeclarationError(
      'invalid_options',
      `onDelete must be 'update-wins' or 'delete-wins', not '${String(onDelete)}'`,
    );
  }
  if (consistency !== 'eventual' && consistency !== 'strong') {
    throw new DeclarationError(
      'invalid_options',
      `consistency must be 'eventual' or 'strong', not '${String(consistency)}'`,
    );
  }
  if (acks !== undefined && (consistency !== 'strong' || !['local', '1'].includes(acks))) {
    throw new DeclarationError('invalid_options', "acks is 'local' or '1', for strong types only");
  }
  if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > schemaVersionMax) {
    throw new DeclarationError(
      'invalid_options',
      `schemaVersion must be a whole number from 1 to ${schemaVersionMax}`,
    );
  }
  checkLeases(fields);
  if (partitionBy !== undefined && !isSeparator(partitionBy.idBefore)) {
    throw new DeclarationError(
      'invalid_options',
      `partitionBy.idBefore must be the 1 to ${separatorLengthMax} characters that end the partition key in an id`,
    );
  }
  return {
    ...{ fields, onDelete, consistency, schemaVersion },
    ...(acks !== undefined && { acks }),
    ...(partitionBy && { partitionBy }),
  };
}

function checkLeases(fields: Fields): void {
  const leases = new Set(
    Object.values(fields).flatMap(({ policy }) => (isBoundedCounter(policy) ? [policy.leaseMillis] : [])),
  );
  if (leases.size > 1) {
    throw new DeclarationError(
      'invalid_options',
      'all bounded counters of an entity type have the same rightsLease, or none has: they are taken over together',
    );
  }
}
