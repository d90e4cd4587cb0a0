import type { Json, JsonObject } from '#core/json.js';
import { parseJson } from '#core/parse-json.js';
import { partsOf, type OperationLine, type Part } from '../history-line.js';
import { stableText } from '../stable-json.js';
import { fieldModels, namePlace, placeOf, type FieldModel } from './field-model.js';

/** One operation on one place, as a checker of linearizability takes it. */
export interface PlaceOperation {
  readonly kind: 'read' | 'write' | 'cas' | 'add' | 'remove' | 'increment';
  readonly process: number;
  readonly input: Json;
  /** What came back; `null` where nothing is told by it. */
  readonly output: Json;
  /** Nobody told whether it took effect: it may do so at any time after it began, or never. */
  readonly unknown: boolean;
  readonly invoked: bigint;
  /** `undefined` where it is unknown. */
  readonly completed: bigint | undefined;
}

/** What happened to one place: linearizability is judged place by place, as it composes. */
export interface PlaceHistory {
  readonly place: string;
  readonly name: string;
  readonly model: 'register' | 'set' | 'counter';
  readonly operations: readonly PlaceOperation[];
}

const linearizable: ReadonlySet<FieldModel> = new Set(['register', 'set', 'counter', 'bounded-counter']);

/**
 * Splits a history into places. Failed operations had no effect and are left out, but for a compare-and-set that was
 * denied: it saw another value. Changes of several operations are split too, which asks less than their atomicity.
 */
export function placeHistories(operations: readonly OperationLine[]): readonly PlaceHistory[] {
  const models = fieldModels(operations);
  const byPlace = new Map<string, PlaceOperation[]>();
  for (const line of operations) {
    for (const part of partsOf(line)) {
      const place = placeOf(part);
      if (!linearizable.has(models.get(place) ?? 'other')) continue;
      const operation = placeOperation(line, part);
      if (operation === undefined) continue;
      const same = byPlace.get(place);
      if (same === undefined) byPlace.set(place, [operation]);
      else same.push(operation);
    }
  }
  return [...byPlace].map(([place, same]) => {
    const model = models.get(place);
    const kind = model === 'register' || model === 'set' ? model : 'counter';
    return { place, name: namePlace(place), model: kind, operations: same };
  });
}

function placeOperation(line: OperationLine, part: Part): PlaceOperation | undefined {
  const denied = part.kind === 'cas' && line.outcome === 'fail' && part.output === false;
  if (line.outcome === 'fail' && !denied) return undefined;
  const unknown = line.outcome === 'unknown' || line.completed === null;
  if (unknown && part.kind === 'read') return undefined;
  if (part.kind === 'transfer') return undefined;
  const spent = part.kind === 'spend';
  return {
    kind: spent ? 'increment' : (part.kind as PlaceOperation['kind']),
    process: line.process,
    input: spent ? -Number(part.input) : part.input,
    output: unknown ? null : part.kind === 'cas' ? !denied : part.output,
    unknown,
    invoked: BigInt(line.invoked),
    completed: unknown ? undefined : BigInt(line.completed ?? '0'),
  };
}

/** A state of a place as text: equal states have equal texts. */
export type State = string;

export function initialState(model: PlaceHistory['model']): State {
  return { register: 'null', set: '[]', counter: '0' }[model];
}

/** The state after an operation; `undefined` where it cannot have answered so in this state. Pure. */
export function step(
  model: PlaceHistory['model'],
  state: State,
  operation: PlaceOperation,
): State | undefined {
  switch (model) {
    case 'register':
      return stepRegister(state, operation);
    case 'set':
      return stepSet(state, operation);
    case 'counter':
      return stepCounter(state, operation);
  }
}

function stepRegister(state: State, { kind, input, output, unknown }: PlaceOperation): State | undefined {
  if (kind === 'read') return stableText(output) === state ? state : undefined;
  if (kind === 'write') return stableText(input);
  const { expected = null, value = null } = input as JsonObject;
  const holds = stableText(expected) === state;
  if (!unknown && output !== holds) return undefined;
  return holds ? stableText(value) : state;
}

function stepSet(state: State, { kind, input, output }: PlaceOperation): State | undefined {
  if (kind === 'read')
    return setText(output === null ? [] : (output as readonly Json[])) === state ? state : undefined;
  const without = (parseJson(state) as Json[]).filter((element) => stableText(element) !== stableText(input));
  return setText(kind === 'add' ? [...without, input] : without);
}

function setText(elements: readonly Json[]): State {
  return `[${elements.map(stableText).toSorted().join(',')}]`;
}

function stepCounter(state: State, { kind, input, output }: PlaceOperation): State | undefined {
  if (kind === 'read') return BigInt(String(output ?? 0)).toString() === state ? state : undefined;
  return (BigInt(state) + BigInt(String(input))).toString();
}
