import { isWellFormed } from '../event/text-limits.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import type { Operation, Rejection } from './policy.js';

/** Refuses an operation that the policy does not have, and names those that it has. */
export function unknownOperation(policy: string, { op }: Operation, known: readonly string[]): Rejection {
  const names = known.map((name) => `'${name}'`).join(', ');
  const detail = `${policy} has no operation '${op}'; it has ${names}.`;
  return { kind: 'rejected', code: 'unknown_operation', detail, path: '/op' };
}

export function invalidValue(path: string, detail: string): Rejection {
  return { kind: 'rejected', code: 'invalid_value', detail, path };
}

export function outOfRange(path: string, detail: string): Rejection {
  return { kind: 'rejected', code: 'out_of_range', detail, path };
}

/** Refuses an operation that lacks one of the arguments, or brings others. */
export function wrongArguments(operation: Operation, names: readonly string[]): Rejection | undefined {
  for (const name of names) {
    if (!Object.hasOwn(operation, name)) {
      return invalidValue(pointer(name), `'${operation.op}' needs '${name}'.`);
    }
  }
  for (const name of Object.keys(operation)) {
    if (name !== 'op' && !names.includes(name)) {
      return invalidValue(pointer(name), `'${operation.op}' takes no '${name}'.`);
    }
  }
  return undefined;
}

/** A JSON pointer (RFC 6901) to one property. */
export function pointer(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Whether it is an object with exactly these properties: what a peer sends is taken to the letter (INV-14). */
export function hasExactly(json: Json, names: readonly string[]): json is JsonObject {
  if (!isObject(json)) return false;
  return Object.keys(json).length === names.length && names.every((name) => Object.hasOwn(json, name));
}

/**
 * Whether a value can be stored and compared everywhere: finite numbers (`1e999` parses as infinite), and no string or key
 * with U+0000 or a lone surrogate. Clients meet this at the door, with the path; peers' changes only here (INV-14).
 */
export function isStorable(json: Json): boolean {
  if (typeof json === 'string') return isWellFormed(json);
  if (typeof json === 'number') return Number.isFinite(json);
  if (typeof json !== 'object' || json === null) return true;
  if (Array.isArray(json)) return (json as readonly Json[]).every(isStorable);
  return Object.entries(json).every(([key, value]) => isWellFormed(key) && isStorable(value as Json));
}

/**
 * Reads a number that JSON carries exactly: any finite one, but no integer beyond ±(2^53−1), where neighbours fall
 * together. `-0` becomes `0`.
 */
export function readNumber(json: Json | undefined): number | 'invalid' | 'out of range' {
  if (typeof json !== 'number' || !Number.isFinite(json)) return 'invalid';
  if (Number.isInteger(json) && !Number.isSafeInteger(json)) return 'out of range';
  return json + 0;
}

/** Reads an integer within ±(2^53−1). */
export function readInteger(json: Json | undefined): number | 'invalid' | 'out of range' {
  const read = readNumber(json);
  return typeof read === 'number' && !Number.isInteger(read) ? 'invalid' : read;
}
