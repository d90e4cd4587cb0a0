import type { OperationLine } from '../history-line.js';
import type { Anomaly } from './anomaly.js';
import { initialState, placeHistories, step, type PlaceHistory, type State } from './single-place.js';

export type LinearizabilityVerdict = 'linearizable' | 'not linearizable' | 'too hard';

/** Steps of the search after which it gives up: some seconds. */
const stepsMaxDefault = 5_000_000;

/** Judges every place of a history by a search of our own. A place that is too hard is reported too. */
export function judgeLinearizability(
  operations: readonly OperationLine[],
  stepsMax = stepsMaxDefault,
): readonly Anomaly[] {
  return placeHistories(operations).flatMap((history): readonly Anomaly[] => {
    const verdict = checkPlace(history, stepsMax);
    if (verdict === 'linearizable') return [];
    const unknown = history.operations.filter((operation) => operation.unknown).length;
    const what = `${history.name}: ${history.operations.length} operations, ${unknown} of them unknown: ${verdict}`;
    return [{ rule: 'linearizable', what }];
  });
}

/** A call or a return in the list of what is not linearized yet; a call knows its return. */
interface Entry {
  readonly operation: number;
  /** Of a call: its return; `undefined` for a return. */
  readonly returns: Entry | undefined;
  previous: Entry | undefined;
  next: Entry | undefined;
}

/** A call that was linearized, and the state before it. */
interface Lifted {
  readonly entry: Entry;
  readonly state: State;
}

/**
 * Wing and Gong's search for an order that respects real time, with Lowe's memory of configurations: G. Lowe, "Testing
 * for linearizability", 2017. Operations of unknown outcome return never: they may be put anywhere after their call, and
 * the search has succeeded once all others are in order.
 */
export function checkPlace(history: PlaceHistory, stepsMax = stepsMaxDefault): LinearizabilityVerdict {
  const { model, operations } = history;
  const head = entriesOf(history);
  let open = operations.filter(({ unknown }) => !unknown).length;
  let state = initialState(model);
  const done = new Uint16Array(Math.ceil(operations.length / 16));
  const visited = new Set<string>();
  const lifted: Lifted[] = [];
  let entry = head.next;
  for (let steps = 0; open > 0; steps += 1) {
    if (steps > stepsMax) return 'too hard';
    if (entry?.returns !== undefined) {
      const operation = operations[entry.operation];
      const after = operation === undefined ? undefined : step(model, state, operation);
      if (operation !== undefined && after !== undefined) {
        toggle(done, entry.operation);
        const configuration = String.fromCharCode(...done) + after;
        if (!visited.has(configuration)) {
          visited.add(configuration);
          lifted.push({ entry, state });
          state = after;
          lift(entry);
          if (!operation.unknown) open -= 1;
          entry = head.next;
          continue;
        }
        toggle(done, entry.operation);
      }
      entry = entry.next;
      continue;
    }
    // A return that was not linearized, or the end: the last choice was wrong.
    const last = lifted.pop();
    if (last === undefined) return 'not linearizable';
    toggle(done, last.entry.operation);
    if (operations[last.entry.operation]?.unknown === false) open += 1;
    state = last.state;
    unlift(last.entry);
    entry = last.entry.next;
  }
  return 'linearizable';
}

function toggle(done: Uint16Array, operation: number): void {
  const at = operation >> 4;
  done[at] = (done[at] ?? 0) ^ (1 << (operation & 15));
}

/** The calls and returns in order of time; at equal times calls come first, for the intervals are closed. */
function entriesOf({ operations }: PlaceHistory): Entry {
  const moments: { readonly at: bigint | undefined; readonly entry: Entry }[] = [];
  for (const [operation, { invoked, completed }] of operations.entries()) {
    const returns: Entry = { operation, returns: undefined, previous: undefined, next: undefined };
    moments.push({ at: invoked, entry: { operation, returns, previous: undefined, next: undefined } });
    moments.push({ at: completed, entry: returns });
  }
  moments.sort((a, b) => {
    if (a.at === b.at) return Number(a.entry.returns === undefined) - Number(b.entry.returns === undefined);
    if (a.at === undefined || b.at === undefined) return a.at === undefined ? 1 : -1;
    return a.at < b.at ? -1 : 1;
  });
  const head: Entry = { operation: -1, returns: undefined, previous: undefined, next: undefined };
  let last = head;
  for (const { entry } of moments) {
    entry.previous = last;
    last.next = entry;
    last = entry;
  }
  return head;
}

function lift(call: Entry): void {
  for (const entry of [call, call.returns]) {
    if (entry?.previous) entry.previous.next = entry.next;
    if (entry?.next) entry.next.previous = entry.previous;
  }
}

function unlift(call: Entry): void {
  for (const entry of [call.returns, call]) {
    if (entry?.previous) entry.previous.next = entry;
    if (entry?.next) entry.next.previous = entry;
  }
}
