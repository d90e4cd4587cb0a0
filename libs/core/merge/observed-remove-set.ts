import { canonicalText, compareUtf8 } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { parseJson } from '../parse-json.js';
import { hasExactly, invalidValue, isStorable, unknownOperation, wrongArguments } from './operation.js';
import type { MergePolicy, Operation, Decision, Stamped } from './policy.js';
import type { PresenceMove, PresenceRule } from './presence.js';
import { storedObject } from './stored-form.js';

/** What can be in a set: a JSON scalar other than `null`. `1` and `"1"` are different elements. */
export type Element = string | number | boolean;

export interface SetChange {
  readonly move: PresenceMove;
  readonly element: Element;
}

/** Presence by the canonical text of the element. */
export type ObservedRemoveSet<Presence> = ReadonlyMap<string, Presence>;

/** The set that a presence rule makes; see `addWinsSet` and `removeWinsSet`. */
export function observedRemoveSet<Presence>(
  name: string,
  rule: PresenceRule<Presence>,
): MergePolicy<ObservedRemoveSet<Presence>, SetChange> {
  type State = ObservedRemoveSet<Presence>;
  return {
    name,
    version: 1,
    description: { name, version: 1 },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => new Map(),
    decide: (_state, operation) => decideMove(name, operation),
    readChange,
    writeChange: ({ move, element }) => (move === 'add' ? { add: element } : { remove: element }),

    apply(state, stamped) {
      const key = canonicalText(stamped.change.element);
      const presence = rule.move(state.get(key) ?? rule.absent, moved(stamped));
      const next = new Map(state);
      if (rule.isForgettable(presence)) next.delete(key);
      else next.set(key, presence);
      return next;
    },
    take(state, taken) {
      const left = new Map<string, Presence>();
      for (const [key, before] of state) {
        const presence = rule.take(before, taken);
        if (!rule.isForgettable(presence)) left.set(key, presence);
      }
      return left;
    },
    fold(log): State {
      const state = new Map<string, Presence>();
      for (const [key, ofElement] of byElement(log)) {
        const presence = rule.fold(ofElement);
        if (!rule.isForgettable(presence)) state.set(key, presence);
      }
      return state;
    },
    reach: ({ move, element }) => ({
      place: [canonicalText(element)],
      takes: move === 'remove' ? rule.takes : 'nothing',
    }),

    conflicts: (a, b) => a.move !== b.move && canonicalText(a.element) === canonicalText(b.element),
    conflictKey: ({ element }) => canonicalText(element),

    value(state) {
      const present = [...state].filter(([, presence]) => rule.isPresent(presence)).map(([key]) => key);
      return present.sort(compareUtf8).map((key) => parseJson(key) as Json);
    },
    encode: (state) => Object.fromEntries([...state].map(([key, presence]) => [key, rule.encode(presence)])),
    decode: (json): State =>
      new Map(Object.entries(storedObject(json)).map(([key, presence]) => [key, rule.decode(presence)])),
  };
}

function byElement(
  log: readonly Stamped<SetChange>[],
): ReadonlyMap<string, readonly Stamped<PresenceMove>[]> {
  const groups = new Map<string, Stamped<PresenceMove>[]>();
  for (const stamped of log) {
    const key = canonicalText(stamped.change.element);
    const group = groups.get(key);
    if (group) group.push(moved(stamped));
    else groups.set(key, [moved(stamped)]);
  }
  return groups;
}

function moved(stamped: Stamped<SetChange>): Stamped<PresenceMove> {
  return { ...stamped, change: stamped.change.move };
}

function decideMove(name: string, operation: Operation): Decision<SetChange> {
  if (operation.op !== 'add' && operation.op !== 'remove') {
    return unknownOperation(name, operation, ['add', 'remove']);
  }
  const wrong = wrongArguments(operation, ['element']);
  if (wrong) return wrong;
  if (!isElement(operation.element)) {
    return invalidValue('/element', 'An element is a string, a number or a boolean.');
  }
  return { kind: 'accepted', change: { move: operation.op, element: operation.element } };
}

function readChange(json: Json): SetChange | undefined {
  if (hasExactly(json, ['add']) && isElement(json.add)) return { move: 'add', element: json.add };
  if (hasExactly(json, ['remove']) && isElement(json.remove)) return { move: 'remove', element: json.remove };
  return undefined;
}

function isElement(json: Json | undefined): json is Element {
  return ['string', 'number', 'boolean'].includes(typeof json) && isStorable(json as Json);
}
