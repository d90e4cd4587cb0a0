import type { EntityType, EntityTypes, Field } from '#core/merge/entity-type.js';
import { DeclarationError } from './declaration-error.js';
import type { EntityDeclaration } from './entity.js';
import type { FieldDeclaration } from './field.js';
import { checkName } from './names.js';

export type Entities = Readonly<Record<string, EntityDeclaration>>;

/** A whole declaration: what a region serves, and what an SDK is typed from. */
export interface Atoll<E extends Entities = Entities> {
  /** As they were declared. */
  readonly entities: E;
  /** As core folds them. */
  readonly entityTypes: EntityTypes;
}

/** Every type has a view, a metric label and a line in each heartbeat; every field a place in each entity. */
export const entityTypesMax = 1_000;
export const fieldsMax = 256;

const brand = Symbol.for('atoll.declaration');

/**
 * Declares the entity types of a system. The default export of `atoll.config.ts`.
 *
 * @throws DeclarationError naming the place
 */
export function defineAtoll<const E extends Entities>(options: { readonly entities: E }): Atoll<E> {
  const declared = Object.entries(options.entities);
  if (declared.length > entityTypesMax) {
    throw new DeclarationError(
      'invalid_options',
      `at most ${entityTypesMax} entity types can be declared`,
      'entities',
    );
  }
  const entityTypes = new Map<string, EntityType>();
  for (const [name, declaration] of declared) entityTypes.set(name, entityType(name, declaration));
  return Object.freeze({ [brand]: true, entities: options.entities, entityTypes });
}

/** Whether a module's default export was made by `defineAtoll`, be it another copy of this module. */
export function isAtoll(value: unknown): value is Atoll {
  return typeof value === 'object' && value !== null && brand in value;
}

/**
 * Looks for custom policies that break a law: regions that fold with such a policy would not converge.
 *
 * @throws DeclarationError with the counter-example of the first one
 */
export function checkCustomPolicies({ entities }: Atoll): void {
  for (const [name, { fields }] of Object.entries(entities)) {
    for (const [field, declaration] of Object.entries(fields)) {
      const broken = declaration.findBrokenLaw?.();
      if (broken === undefined) continue;
      throw new DeclarationError('laws_broken', broken, fieldPath(name, field));
    }
  }
}

function entityType(name: string, declaration: EntityDeclaration): EntityType {
  const path = `entities.${name}`;
  checkName(name, 'entity type', path);
  const { fields, onDelete, consistency, acks, schemaVersion, partitionBy } = declaration;
  const named = Object.entries(fields);
  if (named.length === 0 || named.length > fieldsMax) {
    throw new DeclarationError('invalid_options', `an entity type has 1 to ${fieldsMax} fields`, path);
  }
  return {
    name,
    schemaVersion,
    onDelete,
    consistency,
    ...(acks !== undefined && { acks }),
    ...(partitionBy && { partitionBy }),
    fields: new Map(named.map(([field, declared]) => [field, fieldOf(name, field, declared)])),
  };
}

function fieldOf(entity: string, field: string, { policy, fallback }: FieldDeclaration): Field {
  checkName(field, 'field', fieldPath(entity, field));
  return fallback === undefined ? { policy } : { policy, fallback };
}

function fieldPath(entity: string, field: string): string {
  return `entities.${entity}.fields.${field}`;
}
