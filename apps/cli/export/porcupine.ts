import { placeHistories, type PlaceHistory, type PlaceOperation } from '../judge/consistency/single-place.js';
import type { OperationLine } from '../judge/history-line.js';
import type { Exported } from './exported.js';

/**
 * Events for Porcupine, in JSON that decodes into its `[]porcupine.Event` (github.com/anishathalye/porcupine, model.go):
 * one array of `{"place", "model": "register" | "set" | "counter", "events"}`, a partition each. An event is
 * `{"ClientId", "Kind", "Id", "Value"}`; `Kind` is `false` for a call and `true` for its return, in the order of time,
 * calls first where times are equal. The `Value` of a call is `{"op", "input"}` (`input` of a `cas` is `{"expected", "value"}`),
 * of a return `{"output", "unknown"}`. An operation of unknown outcome returns after everything else.
 */
export function toPorcupine(operations: readonly OperationLine[]): Exported {
  const histories = placeHistories(operations);
  const told = histories.reduce((sum, history) => sum + history.operations.length, 0);
  const lines = histories.map((history) =>
    JSON.stringify({ place: history.name, model: history.model, events: eventsOf(history) }),
  );
  const text = `[${lines.join(',\n')}]\n`;
  return { text, operations: told, leftOut: Math.max(0, operations.length - told) };
}

interface PorcupineEvent {
  readonly ClientId: number;
  readonly Kind: boolean;
  readonly Id: number;
  readonly Value: object;
}

function eventsOf({ operations }: PlaceHistory): readonly PorcupineEvent[] {
  return operations
    .flatMap((operation, id) => [
      { at: operation.invoked, event: callOf(operation, id) },
      { at: operation.completed, event: returnOf(operation, id) },
    ])
    .sort((a, b) => {
      if (a.at === b.at) return Number(a.event.Kind) - Number(b.event.Kind);
      if (a.at === undefined || b.at === undefined) return a.at === undefined ? 1 : -1;
      return a.at < b.at ? -1 : 1;
    })
    .map(({ event }) => event);
}

function callOf({ kind, input, process }: PlaceOperation, id: number): PorcupineEvent {
  return { ClientId: process, Kind: false, Id: id, Value: { op: kind, input } };
}

function returnOf({ output, unknown, process }: PlaceOperation, id: number): PorcupineEvent {
  return { ClientId: process, Kind: true, Id: id, Value: { output, unknown } };
}
