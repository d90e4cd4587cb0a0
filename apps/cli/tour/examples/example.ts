import { isDeepStrictEqual } from 'node:util';
import type {
  Conflict,
  EntityRead,
  EntityRef,
  FieldOperation,
  Json,
  JsonObject,
  WriteResult,
} from '#client/wire.js';

/** Three regions to play with; where there are only two, the third is the second. */
export type Cast = readonly [string, string, string];

/** What an example may do. Every write is journaled. */
export interface Stage {
  readonly cast: Cast;
  /** An id of this run, so that a second tour on kept data starts afresh. */
  id(name: string): string;
  write(region: string, entity: EntityRef, ...operations: FieldOperation[]): Promise<WriteResult>;
  /** Whether it was done; `false` when the region has too few rights for it. @throws CommandFailed for anything else */
  attempt(region: string, entity: EntityRef, operation: FieldOperation): Promise<boolean>;
  /** Reads at level strong, once; `undefined` where the region cannot promise it. */
  readStrong(region: string, entity: EntityRef): Promise<EntityRead | undefined>;
  /** Waits until a region serves strong reads, and answers one. */
  awaitStrong(region: string, entity: EntityRef): Promise<EntityRead>;
  /** Sets a field if the entity still is as it was read. */
  swap(region: string, read: EntityRead, field: string, value: Json): Promise<boolean>;
  /** Sends a command to two regions with one mutation id, as a client does that got no answer from the first. */
  writeTwice(first: string, second: string, entity: EntityRef, operation: FieldOperation): Promise<void>;
  remove(region: string, entity: EntityRef): Promise<WriteResult>;
  /** Conflicts that a region has recorded for an entity. */
  conflicts(region: string, entity: EntityRef): Promise<readonly Conflict[]>;
  resolve(region: string, conflict: Conflict, operation: FieldOperation): Promise<WriteResult>;
}

export interface Expectation {
  readonly what: string;
  readonly holds: boolean;
}

/** One thing that the product exists for, played through in four acts; each region is read after each act. */
export interface Example {
  readonly name: string;
  readonly lesson: string;
  readonly entity: (stage: Stage) => EntityRef;
  /** Seen everywhere before the regions part. */
  prepare?(stage: Stage): Promise<unknown>;
  /** While no link works. */
  apart(stage: Stage): Promise<unknown>;
  /** After the heal, once everybody has everything. */
  decide?(stage: Stage): Promise<unknown>;
  /** What a person is shown of the entity's value. */
  show(value: JsonObject | null): string;
  /** `values` by region, at the end of the named act. */
  expect(stage: Stage, acts: Acts): Promise<readonly Expectation[]> | readonly Expectation[];
}

/** The entity's value by region after each act. */
export interface Acts {
  readonly apart: Readonly<Record<string, JsonObject | null>>;
  readonly together: Readonly<Record<string, JsonObject | null>>;
  readonly decided?: Readonly<Record<string, JsonObject | null>>;
}

/** Whether the field reads so in every region. */
export function everywhere(
  values: Readonly<Record<string, JsonObject | null>>,
  field: string,
  expected: Json,
): Expectation {
  const holds = Object.values(values).every((value) => isDeepStrictEqual(value?.[field] ?? null, expected));
  return { what: `${field} is ${JSON.stringify(expected)} in every region`, holds };
}

/** `name: value` for each field that has one. */
export function showFields(value: JsonObject | null, ...fields: readonly string[]): string {
  if (value === null) return 'gone';
  const shown = fields
    .map((field) => [field, value[field] ?? null] as const)
    .filter(([, one]) => one !== null);
  return (
    shown.map(([field, one]) => (fields.length === 1 ? plain(one) : `${field} ${plain(one)}`)).join(', ') ||
    '-'
  );
}

function plain(value: Json): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `{${value.map((one: Json) => plain(one)).join(' ')}}`;
  if (typeof value === 'object' && value !== null) {
    const { siblings } = value as JsonObject;
    if (Array.isArray(siblings)) return siblings.map((one: Json) => plain(one)).join(' or ');
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, one]) => `${key} ${plain(one)}`).join(', ')}}`;
  }
  return String(value);
}
