import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { hasExactly, invalidValue, isStorable, unknownOperation, wrongArguments } from './operation.js';
import type { Decision, Operation, Rejection, ValueSchema } from './policy.js';

/** What a write does to a register. */
export interface RegisterChange {
  readonly value: Json;
}

/** Decides `set`; the value that is written is what the schema made of it (defaults, unknown properties dropped). */
export function decideSet(
  policy: string,
  operation: Operation,
  schema: ValueSchema | undefined,
): Decision<RegisterChange> {
  if (operation.op !== 'set') return unknownOperation(policy, operation, ['set']);
  const wrong = wrongArguments(operation, ['value']);
  if (wrong) return wrong;
  const value = operation.value as Json;
  if (!isStorable(value)) return invalidValue('/value', 'It holds what cannot be stored everywhere.');
  if (!schema) return { kind: 'accepted', change: { value } };
  const checked = schema.check(value);
  if (checked.kind === 'invalid') return invalidValue(`/value${checked.path}`, checked.message);
  return staysValid(schema, value, checked.value) ?? { kind: 'accepted', change: { value: checked.value } };
}

/** Peers check what was written, not what the client had sent: so a schema must take its own output (INV-14). */
function staysValid(schema: ValueSchema, sent: Json, made: Json): Rejection | undefined {
  if (made === sent || (isStorable(made) && schema.check(made).kind === 'valid')) return undefined;
  return invalidValue('/value', 'The declared schema turns this value into one that it refuses.');
}

export function readSet(json: Json): RegisterChange | undefined {
  if (!hasExactly(json, ['value'])) return undefined;
  const value = json.value as Json;
  return isStorable(value) ? { value } : undefined;
}

export function sameValue(a: Json, b: Json): boolean {
  if (a === b || typeof a !== 'object' || typeof b !== 'object') return a === b;
  return canonicalText(a) === canonicalText(b);
}
