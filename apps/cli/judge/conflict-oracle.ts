import { commute, placeOf, placesCanClash, type FieldRule, type FieldRules } from './field-rules.js';
import {
  areConcurrent,
  compareEventDots,
  hasSeen,
  isBefore,
  judgedCommands,
  type JudgedCommand,
  type JudgedEvent,
} from './judged-event.js';

/** A conflict by its two events, the lower dot first, and its field. */
export interface ExpectedConflict {
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly low: string;
  readonly high: string;
}

export function conflictKey({ type, id, field, low, high }: ExpectedConflict): string {
  return [type, id, field, low, high].join('\n');
}

/**
 * All conflicts of one entity, by the definition: an event and, per other actor, the earliest
 * event of that actor on the same field that is concurrent and does not commute; between survivors only; a delete is on
 * every field. It shares no code with the service.
 */
export function conflictsByDefinition(
  events: readonly JudgedEvent[],
  rules: FieldRules,
): ReadonlyMap<string, ExpectedConflict> {
  const found = new Map<string, ExpectedConflict>();
  const commands = judgedCommands(events);
  const places = placesOf(commands, rules);
  const add = (field: string, a: JudgedEvent, b: JudgedEvent): void => {
    const [low, high] = [a, b].toSorted(compareEventDots) as [JudgedEvent, JudgedEvent];
    const conflict = { type: low.type, id: low.id, field, low: low.dot, high: high.dot };
    found.set(conflictKey(conflict), conflict);
  };
  for (const f of commands) {
    for (const field of fieldsThatCanClash(f, rules)) {
      for (const e of earliestPartners(f, field, neighbours(f, field, places, rules), rules))
        add(field, f.survivor, e.survivor);
    }
    for (const [field, e] of unobservedValues(f, commands, rules)) add(field, f.survivor, e.survivor);
  }
  return found;
}

const everyField = '*';

function ruleFor(rules: FieldRules, type: string, field: string): FieldRule {
  return rules.get(type)?.get(field) ?? { kind: 'commutes' };
}

function fieldsThatCanClash({ survivor }: JudgedCommand, rules: FieldRules): ReadonlySet<string> {
  const fields = survivor.changes
    .map(({ field }) => field)
    .filter((field) => ruleFor(rules, survivor.type, field).kind !== 'commutes');
  return new Set([...fields, everyField]);
}

/** Commands by field and by place within it; deletes and updates are the two places of `*`. */
type Places = ReadonlyMap<string, ReadonlyMap<string, readonly JudgedCommand[]>>;

function placesOf(commands: readonly JudgedCommand[], rules: FieldRules): Places {
  const places = new Map<string, Map<string, JudgedCommand[]>>();
  const put = (field: string, place: string, command: JudgedCommand): void => {
    const ofField = places.get(field) ?? new Map<string, JudgedCommand[]>();
    const there = ofField.get(place) ?? [];
    there.push(command);
    ofField.set(place, there);
    places.set(field, ofField);
  };
  for (const command of commands) {
    const { kind, changes, type } = command.survivor;
    put(everyField, kind, command);
    for (const { field, change } of changes)
      put(field, placeOf(ruleFor(rules, type, field), change), command);
  }
  return places;
}

/** The commands at places where f can clash; everybody else commutes with it. */
function neighbours(
  f: JudgedCommand,
  field: string,
  places: Places,
  rules: FieldRules,
): readonly JudgedCommand[] {
  const { kind, changes, type } = f.survivor;
  const ofField = [...(places.get(field) ?? [])];
  if (field === everyField) return ofField.filter(([place]) => place !== kind).flatMap(([, there]) => there);
  const rule = ruleFor(rules, type, field);
  const own = changes.filter((change) => change.field === field).map(({ change }) => placeOf(rule, change));
  return ofField
    .filter(([place]) => own.some((one) => placesCanClash(rule, one, place)))
    .flatMap(([, there]) => there);
}

/** Of each other actor the earliest event that is concurrent with f and does not commute with it on the field. */
function earliestPartners(
  f: JudgedCommand,
  field: string,
  commands: readonly JudgedCommand[],
  rules: FieldRules,
): Iterable<JudgedCommand> {
  const earliest = new Map<string, JudgedCommand>();
  for (const e of commands) {
    const { actor, seq } = e.survivor;
    if (actor === f.survivor.actor) continue;
    if (!clash(f.survivor, e.survivor, field, rules) || !areConcurrent(f, e)) continue;
    if (seq < (earliest.get(actor)?.survivor.seq ?? Infinity)) earliest.set(actor, e);
  }
  return earliest.values();
}

function clash(a: JudgedEvent, b: JudgedEvent, field: string, rules: FieldRules): boolean {
  if (field === everyField) return a.kind !== b.kind;
  const rule = ruleFor(rules, a.type, field);
  const ofField = (event: JudgedEvent) => event.changes.filter((change) => change.field === field);
  return ofField(a).some((one) => ofField(b).some((other) => !commute(rule, one.change, other.change)));
}

/**
 * For a multi-value write: per actor, its own too, the earliest value that was live in its context and that it had not
 * observed. (Of update-wins types, which are those the judge is given.)
 */
function unobservedValues(
  f: JudgedCommand,
  commands: readonly JudgedCommand[],
  rules: FieldRules,
): readonly (readonly [string, JudgedCommand])[] {
  const { context, changes, type } = f.survivor;
  const found: (readonly [string, JudgedCommand])[] = [];
  for (const field of new Set(changes.map((change) => change.field))) {
    const rule = ruleFor(rules, type, field);
    if (rule.kind !== 'register' || !rule.keepsSiblings) continue;
    const known = commands.filter((one) => one !== f && hasSeen(context, one));
    const earliest = new Map<string, JudgedCommand>();
    for (const value of known) {
      const { actor, seq } = value.survivor;
      if (hasObserved(f, value) || !clash(f.survivor, value.survivor, field, rules)) continue;
      if (known.some((later) => later !== value && ends(later, value, field))) continue;
      if (seq < (earliest.get(actor)?.survivor.seq ?? Infinity)) earliest.set(actor, value);
    }
    for (const value of earliest.values()) found.push([field, value]);
  }
  return found;
}

function hasObserved(write: JudgedCommand, value: JudgedCommand): boolean {
  return write.copies.every((copy) => hasSeen(copy.observed ?? copy.context, value));
}

/** Whether a later command took a value away: a write that observed it, or a delete that had seen it. */
function ends(later: JudgedCommand, value: JudgedCommand, field: string): boolean {
  if (later.survivor.kind === 'delete') return isBefore(value, later);
  return later.survivor.changes.some((change) => change.field === field) && hasObserved(later, value);
}
