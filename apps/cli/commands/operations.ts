import type { Command } from 'commander';
import { parseJson } from '#core/parse-json.js';
import type { FieldOperation, Json } from '#client/wire.js';
import { usage } from '../terminal/exit.js';

/** Options that say what a change does; each may be given more than once. */
export interface OperationFlags {
  readonly set?: readonly string[];
  readonly increment?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  readonly op?: readonly string[];
}

export function addOperations(command: Command): Command {
  return command
    .option('--set <field=value...>', 'registers; the value is JSON, or text that is none')
    .option('--increment <field=by...>', 'counters; field/key=by for a map of counters')
    .option('--add <field=element...>', 'sets')
    .option('--remove <field=element...>', 'sets; field/key for an entry of a map')
    .option('--enable <field...>', 'flags')
    .option('--disable <field...>', 'flags')
    .option('--op <json...>', 'any operation, such as \'{"field":"state","op":"advance","to":"sent"}\'');
}

/** The operations that the flags say, in the order: set, increment, add, remove, enable, disable, op. */
export function readOperations(flags: OperationFlags): readonly FieldOperation[] {
  const operations = [
    ...(flags.set ?? []).map((text) => {
      const { field, value } = readPair(text);
      return { field, op: 'set', value };
    }),
    ...(flags.increment ?? []).map((text) => readIncrement(text)),
    ...(flags.add ?? []).map((text) => {
      const { field, value } = readPair(text);
      return { field, op: 'add', element: value };
    }),
    ...(flags.remove ?? []).map((text) => readRemoval(text)),
    ...(flags.enable ?? []).map((field) => ({ field, op: 'enable' })),
    ...(flags.disable ?? []).map((field) => ({ field, op: 'disable' })),
    ...(flags.op ?? []).map((text) => readOperation(text)),
  ];
  if (operations.length === 0)
    throw usage('say what to change, for example --set name=Ada or --increment sold=1');
  return operations;
}

function readPair(text: string): { readonly field: string; readonly value: Json } {
  const cut = text.indexOf('=');
  if (cut < 1) throw usage(`expected field=value, not ${JSON.stringify(text)}`);
  return { field: text.slice(0, cut), value: readValue(text.slice(cut + 1)) };
}

/** JSON where it is JSON, else the text itself: `--set name=Ada` needs no quotes. */
function readValue(text: string): Json {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch {
    return text;
  }
  checkNumbers(json, text);
  return json as Json;
}

/** Refuses a number that is read as infinite: JSON has no such number, and what is sent instead of it is null. */
function checkNumbers(json: unknown, text: string): void {
  if (typeof json === 'number' && !Number.isFinite(json))
    throw usage(`a number cannot be represented, it is too large: ${text}`);
  if (typeof json === 'object' && json !== null)
    for (const part of Object.values(json)) checkNumbers(part, text);
}

function readIncrement(text: string): FieldOperation {
  const { field: place, value: by } = readPair(text);
  if (typeof by !== 'number') throw usage(`expected a number in --increment ${text}`);
  const [field = '', ...key] = place.split('/');
  if (key.length === 0) return { field, op: 'increment', by };
  return { field, op: 'at', key: key.join('/'), then: { op: 'increment', by } };
}

function readRemoval(text: string): FieldOperation {
  if (text.includes('=')) {
    const { field, value } = readPair(text);
    return { field, op: 'remove', element: value };
  }
  const [field = '', ...key] = text.split('/');
  if (key.length === 0) throw usage(`expected field=element or field/key, not ${JSON.stringify(text)}`);
  return { field, op: 'remove', key: key.join('/') };
}

function readOperation(text: string): FieldOperation {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw usage(`--op takes JSON: ${(error as Error).message}`);
  }
  checkNumbers(json, text);
  const { field, op } = (json ?? {}) as { field?: unknown; op?: unknown };
  if (typeof field !== 'string' || typeof op !== 'string') throw usage('--op needs "field" and "op"');
  return json as FieldOperation;
}
