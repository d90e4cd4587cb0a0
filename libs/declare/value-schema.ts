import { canonicalText } from '#core/event/canonical-json.js';
import type { Json, JsonObject } from '#core/json.js';
import type { ValueSchema } from '#core/merge/policy.js';
import { DeclarationError } from './declaration-error.js';
import type { StandardIssue, StandardSchema } from './standard-schema.js';

type Checked = ReturnType<ValueSchema['check']>;

/**
 * A Standard Schema as core sees it: synchronous, JSON in and JSON out, issues with JSON pointers.
 *
 * What the schema makes of a value (trimmed, with defaults) is what is stored. Every region checks what another sends by
 * the same schema (INV-14), so the schema must take its own result, and leave it as it is.
 *
 * @throws DeclarationError when it is no Standard Schema, or answers a promise
 */
export function valueSchema(schema: StandardSchema): ValueSchema {
  const standard = readStandard(schema);
  if (isThenable(standard.validate(null))) throw asynchronous();
  return { description: describe(standard), check: (value) => check(standard, value) };
}

type Standard = StandardSchema['~standard'];

function readStandard(schema: unknown): Standard {
  const standard = isRecord(schema) ? schema['~standard'] : undefined;
  if (isRecord(standard) && standard.version === 1 && typeof standard.validate === 'function') {
    return standard as unknown as Standard;
  }
  throw new DeclarationError(
    'invalid_schema',
    'a schema must be a Standard Schema, for example z.string() of zod 4',
  );
}

function asynchronous(): DeclarationError {
  return new DeclarationError(
    'invalid_schema',
    'the schema validates asynchronously; a merge policy decides without waiting, so only synchronous checks can be used',
  );
}

function check(standard: Standard, value: Json): Checked {
  const result = standard.validate(value);
  if (isThenable(result)) throw asynchronous();
  if (result.issues !== undefined) return invalid(result.issues);
  const json = toJson(result.value);
  if (json === undefined) return refusal('the schema makes something of this value that is not JSON');
  if (sameJson(json, value) || keeps(standard, json)) return { kind: 'valid', value: json };
  return refusal('the schema does not take what it makes of this value');
}

function refusal(message: string): Checked {
  return { kind: 'invalid', path: '', message };
}

function keeps(standard: Standard, made: Json): boolean {
  const again = standard.validate(made);
  if (isThenable(again)) throw asynchronous();
  const json = again.issues === undefined ? toJson(again.value) : undefined;
  return json !== undefined && sameJson(json, made);
}

function sameJson(a: Json, b: Json): boolean {
  return a === b || canonicalText(a) === canonicalText(b);
}

function invalid(issues: readonly StandardIssue[]): Checked {
  const [first] = issues;
  return {
    kind: 'invalid',
    path: pointer(first?.path ?? []),
    message: first?.message ?? 'the value is not valid',
  };
}

/** RFC 6901. */
function pointer(path: NonNullable<StandardIssue['path']>): string {
  return path
    .map((step) => String(typeof step === 'object' ? step.key : step))
    .map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/**
 * What two regions compare before they trust each other's events. Code inside a schema (refinements, transforms) cannot
 * be compared; whoever changes it raises `schemaVersion`.
 */
function describe(standard: Standard): Json {
  try {
    const json = toJson(standard.jsonSchema?.input({ target: 'draft-2020-12' }));
    if (json !== undefined) return withoutRemarks(json);
  } catch {
    // The library cannot express this schema as JSON Schema: then only its name is compared.
  }
  return { vendor: standard.vendor };
}

/** Keywords of JSON Schema that check nothing: whoever improves a text must not stop a link. */
const remarks: ReadonlySet<string> = new Set([
  ...['$schema', '$id', '$comment', 'id', 'title', 'description', 'examples', 'example'],
  ...['deprecated', 'readOnly', 'writeOnly'],
]);
/** Keywords that hold schemas by name, and those that hold values. */
const named: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
]);
const values: ReadonlySet<string> = new Set(['const', 'enum', 'default']);

function withoutRemarks(schema: Json): Json {
  if (Array.isArray(schema)) return (schema as readonly Json[]).map(withoutRemarks);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept: [string, Json][] = [];
  for (const [key, inner] of Object.entries(schema as JsonObject)) {
    if (remarks.has(key)) continue;
    if (values.has(key)) kept.push([key, inner]);
    else if (named.has(key)) kept.push([key, eachWithoutRemarks(inner)]);
    else kept.push([key, withoutRemarks(inner)]);
  }
  return Object.fromEntries(kept);
}

function eachWithoutRemarks(schemas: Json): Json {
  if (typeof schemas !== 'object' || schemas === null) return schemas;
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, withoutRemarks(schema as Json)]),
  );
}

/** The value as JSON, without the keys that hold `undefined`; `undefined` when it is not JSON. */
export function toJson(value: unknown): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (Array.isArray(value)) {
    const items = value.map(toJson);
    return items.includes(undefined) ? undefined : (items as Json[]);
  }
  return isRecord(value) ? recordToJson(value) : undefined;
}

function recordToJson(value: Readonly<Record<string, unknown>>): JsonObject | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return undefined;
  const entries: [string, Json][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const json = toJson(inner);
    if (json === undefined) return undefined;
    entries.push([key, json]);
  }
  return Object.fromEntries(entries);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  // A schema may be a function with properties (arktype).
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}

function isThenable(value: unknown): value is Promise<unknown> {
  const thenable = isRecord(value) && typeof value.then === 'function';
  // Nobody waits for it: its failure must not surface as an unhandled rejection.
  if (thenable) (value as unknown as Promise<unknown>).then(undefined, () => undefined);
  return thenable;
}
