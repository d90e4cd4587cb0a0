import type { Json } from '#core/json.js';
import * as core from '#core/merge/policies.js';
import type { FlagOptions } from '#core/merge/flag.js';
import { DeclarationError } from './declaration-error.js';
import type { FieldDeclaration, OperationOf, ValueOf } from './field.js';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.js';
import { toJson, valueSchema } from './value-schema.js';

export interface SetValue<Value> {
  readonly op: 'set';
  readonly value: Value;
}

interface RegisterOptions<Value> {
  /** What the field reads as while it has no value; without it: null. */
  readonly default?: Value;
}

/** A declared default takes the null out of what a read shows. */
type OrNull<Options> = Options extends { readonly default: unknown } ? never : null;

/**
 * A register: a write that had seen the other wins; between concurrent ones the later by hybrid timestamp, and the loser
 * is kept in the conflict feed. Without a schema it takes any JSON.
 */
export function lastWriterWins<
  Schema extends StandardSchema = StandardSchema<Json>,
  const Options extends RegisterOptions<OutputOf<Schema>> = object,
>(
  schema?: Schema,
  options?: Options,
): FieldDeclaration<OutputOf<Schema> | OrNull<Options>, SetValue<InputOf<Schema>>> {
  const checked = schema === undefined ? undefined : valueSchema(schema);
  const fallback = defaultOf(options?.default, checked);
  return { policy: core.lastWriterWins(checked), ...(fallback === undefined ? {} : { fallback }) };
}

/** A register that keeps concurrent values side by side until somebody who has read them decides. */
export function multiValue<
  Schema extends StandardSchema = StandardSchema<Json>,
  const Options extends RegisterOptions<OutputOf<Schema>> = object,
>(
  schema?: Schema,
  options?: Options,
): FieldDeclaration<
  OutputOf<Schema> | { readonly siblings: readonly OutputOf<Schema>[] } | OrNull<Options>,
  SetValue<InputOf<Schema>>
> {
  const checked = schema === undefined ? undefined : valueSchema(schema);
  const fallback = defaultOf(options?.default, checked);
  return { policy: core.multiValue(checked), ...(fallback === undefined ? {} : { fallback }) };
}

export interface Increment {
  readonly op: 'increment';
  /** A whole number. */
  readonly by: number;
}

/** A sum of increments, exact under retries. It takes no bounds: use `boundedCounter` for stock and quotas. */
export function counter(): FieldDeclaration<number, Increment> {
  return { policy: core.counter() };
}

/** A counter that takes no negative increment. */
export function growOnlyCounter(): FieldDeclaration<number, Increment> {
  return { policy: core.growOnlyCounter() };
}

export type BoundedOperation =
  | { readonly op: 'increment' | 'spend'; readonly by: number }
  | {
      readonly op: 'transfer';
      /** A region. */
      readonly to: string;
      readonly by: number;
      /** Left out: rights to spend. `increment`: room below the maximum. */
      readonly of?: 'spend' | 'increment';
    }
  | { readonly op: 'reserve'; readonly by: number; readonly forMillis: number }
  | {
      readonly op: 'confirm' | 'cancel';
      /** As the answer to the change that reserved names it: its `dot`. */
      readonly reservation: string;
    };

export interface BoundedValue {
  /** What is neither spent nor reserved. */
  readonly value: number;
  /** How much of it the region that answers may spend without asking anybody. */
  readonly rightsHere: number;
  /** Units set aside by open reservations; absent while there are none. */
  readonly reserved?: number;
}

/** A lease outlasts some heartbeats, or it lapses between two of them. */
const leaseMillisMin = 1_000;
const leaseMillisMax = 86_400_000;

/**
 * A counter that stays within its bounds in every region at any time: stock, quotas, balances. Each region spends what
 * it holds rights for, and asks others for more. It starts at the value within its bounds that is nearest to 0.
 */
export function boundedCounter(options: {
  readonly min: number;
  /** Without it: no other bound than 2^53−1. */
  readonly max?: number;
  /**
   * Lets other regions take the rights of a silent one over. A region then uses rights only while it has heard a majority
   * within so long, and a change is answered only once a majority stores it. Without it: rights stay where they are.
   */
  readonly rightsLease?: { readonly millis: number };
}): FieldDeclaration<BoundedValue, BoundedOperation> {
  const { min, max, rightsLease } = options;
  const leaseMillis = rightsLease?.millis;
  const isLease = Number.isInteger(leaseMillis) && leaseMillis !== undefined;
  if (
    rightsLease !== undefined &&
    !(isLease && leaseMillis >= leaseMillisMin && leaseMillis <= leaseMillisMax)
  ) {
    throw new DeclarationError(
      'invalid_options',
      `rightsLease needs { millis }: a whole number from ${leaseMillisMin} to ${leaseMillisMax}`,
    );
  }
  const isBound = (bound: unknown): boolean => Number.isSafeInteger(bound);
  if (!isBound(min) || (max !== undefined && (!isBound(max) || max <= min || !isBound(max - min)))) {
    throw new DeclarationError(
      'invalid_options',
      'boundedCounter needs { min } or { min, max }: whole numbers, and max above min',
    );
  }
  return {
    policy: core.boundedCounter(
      max === undefined ? { min } : { min, max },
      leaseMillis === undefined ? {} : { leaseMillis },
    ),
  };
}

/** What a set can hold; `1` and `"1"` are different elements. */
type SetElement = string | number | boolean;

export interface SetOperation<Element> {
  readonly op: 'add' | 'remove';
  readonly element: Element;
}

/** A set in which an add survives every remove that had not seen it. */
export function addWinsSet<Element extends SetElement = string>(): FieldDeclaration<
  readonly Element[],
  SetOperation<Element>
> {
  return { policy: core.addWinsSet() };
}

/** A set in which a remove takes every add that had not seen it. */
export function removeWinsSet<Element extends SetElement = string>(): FieldDeclaration<
  readonly Element[],
  SetOperation<Element>
> {
  return { policy: core.removeWinsSet() };
}

/** On or off. Who wins when one region enables and another disables at the same time is for the declaration to say. */
export function flag(options: FlagOptions): FieldDeclaration<boolean, { readonly op: 'enable' | 'disable' }> {
  const { concurrent } = options;
  if (concurrent !== 'enable-wins' && concurrent !== 'disable-wins') {
    throw new DeclarationError(
      'invalid_options',
      "flag needs { concurrent: 'enable-wins' } or { concurrent: 'disable-wins' }",
    );
  }
  return { policy: core.flag({ concurrent }) };
}

/** The greatest number ever written. */
export function maxRegister(): FieldDeclaration<
  number | null,
  { readonly op: 'raise'; readonly value: number }
> {
  return { policy: core.maxRegister() };
}

/** The smallest number ever written. */
export function minRegister(): FieldDeclaration<
  number | null,
  { readonly op: 'lower'; readonly value: number }
> {
  return { policy: core.minRegister() };
}

/** How many statuses an order may have, and how long their names may be: they are compared whenever regions connect. */
const statusesMax = 256;
const statusLengthMax = 64;

/** A status that only moves along the declared order: the furthest that any region advanced to. Starts with the first. */
export function orderedStatus<const Status extends string>(
  statuses: readonly Status[],
): FieldDeclaration<Status, { readonly op: 'advance'; readonly to: Status }> {
  const named = statuses.every(
    (status) => typeof status === 'string' && status.length > 0 && status.length <= statusLengthMax,
  );
  if (
    !named ||
    statuses.length === 0 ||
    statuses.length > statusesMax ||
    new Set(statuses).size !== statuses.length
  ) {
    throw new DeclarationError(
      'invalid_options',
      `orderedStatus needs 1 to ${statusesMax} different names of at most ${statusLengthMax} characters, from first to last`,
    );
  }
  return { policy: core.orderedStatus(statuses) };
}

type TextOperation =
  | { readonly op: 'splice'; readonly index: number; readonly delete: number; readonly insert: string }
  | { readonly op: 'update'; readonly update: string };

/** A shared document: what several people type at the same time is kept, each where it was typed (yjs). */
export function text(): FieldDeclaration<string, TextOperation> {
  return { policy: core.text() };
}

type MapOperation<Field> =
  | { readonly op: 'at'; readonly key: string; readonly then: OperationOf<Field> }
  | { readonly op: 'remove'; readonly key: string };

/** A map from keys to fields of one policy, for example cart lines: `addWinsMap(counter())`. */
export function addWinsMap<const Field extends FieldDeclaration>(
  inner: Field,
): FieldDeclaration<Readonly<Record<string, ValueOf<Field>>>, MapOperation<Field>> {
  if (inner.fallback !== undefined) {
    throw new DeclarationError(
      'invalid_options',
      'the entries of a map have no default: a key that nobody wrote is not there',
    );
  }
  if (inner.policy.endsWithDelete === true) {
    throw new DeclarationError(
      'invalid_options',
      'a map has no bounded counters: removing a key could not wait for every region; declare an entity type for them',
    );
  }
  const policy = core.addWinsMap(inner.policy);
  return inner.findBrokenLaw === undefined ? { policy } : { policy, findBrokenLaw: inner.findBrokenLaw };
}

export { custom } from './custom.js';

type Schema = ReturnType<typeof valueSchema>;

function defaultOf(value: unknown, schema: Schema | undefined): Json | undefined {
  if (value === undefined) return undefined;
  const json = toJson(value);
  if (json === undefined) throw new DeclarationError('invalid_default', 'the default must be JSON');
  const checked = schema?.check(json);
  if (checked?.kind === 'invalid') {
    throw new DeclarationError(
      'invalid_default',
      `the default does not fit its own schema: ${checked.message}`,
    );
  }
  return checked === undefined ? json : checked.value;
}
