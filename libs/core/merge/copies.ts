import { compareDots, dotKey, regionOf, sameDot, type Actor, type Dot } from '../causality/dot.js';
import { causalSize, includes, type VersionVector } from '../causality/version-vector.js';
import { compareTimes } from '../causality/hybrid-timestamp.js';
import type { Event } from '../event/event.js';
import { birthOf } from '../event/mutation-id.js';
import type { Stamped } from './policy.js';

/**
 * What one command did to one entity: usually one event; several when it was retried in more than one region
 * (PROTOCOL §5). The first copy is the survivor, which counts; the others are its aliases.
 */
export interface Command {
  readonly survivor: Event;
  /** The survivor first, then its aliases by dot. */
  readonly copies: readonly Event[];
}

/** Of every dot whose command has several copies here: the copies' dots, the survivor's first. Usually empty. */
export type CopiesByDot = ReadonlyMap<string, readonly Dot[]>;

/** Equal for copies of one command within one entity: the mutation id and the index in its group. */
export function commandKey(event: Event): string {
  return `${event.group?.index ?? ''}/${event.mutation.id}`;
}

/**
 * The commands of one entity's events, in a linear extension of "before": by the least causal size among the copies'
 * contexts, then hybrid time, then dot.
 *
 * If x is before y then each copy of y has a copy of x in its context, and that copy's context is strictly smaller: so
 * is the least. Duplicates of an event are dropped.
 */
export function commandsOf(events: readonly Event[]): readonly Command[] {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const key = commandKey(event);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else if (!group.some((copy) => sameDot(copy.dot, event.dot))) group.push(event);
  }
  const sized: { readonly command: Command; readonly size: number }[] = [];
  for (const group of groups.values()) {
    let size = Infinity;
    for (const copy of group) size = Math.min(size, causalSize(copy.context));
    sized.push({ command: commandOf(group), size });
  }
  sized.sort((a, b) => a.size - b.size || compareSurvivors(a.command.survivor, b.command.survivor));
  return sized.map(({ command }) => command);
}

function commandOf(group: readonly Event[]): Command {
  const [only] = group;
  if (group.length === 1 && only !== undefined) return { survivor: only, copies: group };
  const birthRegion = birthOf(group[0]?.mutation.id ?? '')?.region;
  const copies = group.toSorted((a, b) => compareForSurvival(a.dot, b.dot, birthRegion));
  return { survivor: copies[0] as Event, copies };
}

/** The survivor is the least: a copy minted in the birth region before all others, then by dot. */
function compareForSurvival(a: Dot, b: Dot, birthRegion: string | undefined): number {
  return elsewhere(a.actor, birthRegion) - elsewhere(b.actor, birthRegion) || compareDots(a, b);
}

function elsewhere(actor: Actor, birthRegion: string | undefined): number {
  return regionOf(actor) === birthRegion ? 0 : 1;
}

function compareSurvivors(a: Event, b: Event): number {
  return compareTimes(a.time, b.time) || compareDots(a.dot, b.dot);
}

/** The index of commands with several copies, as an entity's state keeps it. */
export function copiesByDot(commands: readonly Command[]): CopiesByDot {
  const index = new Map<string, readonly Dot[]>();
  for (const { copies } of commands) {
    if (copies.length < 2) continue;
    const dots = copies.map(({ dot }) => dot);
    for (const dot of dots) index.set(dotKey(dot), dots);
  }
  return index;
}

/** Whether whoever has this vector has the command in it: any copy will do. */
export function knows(vector: VersionVector, command: Command): boolean {
  const { copies } = command;
  if (copies.length === 1) return includes(vector, command.survivor.dot);
  return copies.some(({ dot }) => includes(vector, dot));
}

/** x is before y if each copy of y has some copy of x in its context: a strict order (PROTOCOL §4). */
export function isBefore(x: Command, y: Command): boolean {
  const { copies } = y;
  if (copies.length === 1) return knows(y.survivor.context, x);
  return copies.every(({ context }) => knows(context, x));
}

/** Each copy of y had observed some copy of x: what a multi-value write replaces. */
export function observed(y: Command, x: Command): boolean {
  return y.copies.every((copy) => knows(copy.observed ?? copy.context, x));
}

/** Whether a vector holds the dot's command: the dot itself, or any copy of it. */
function knowsDot(vector: VersionVector, dot: Dot, copies: CopiesByDot): boolean {
  if (includes(vector, dot)) return true;
  if (copies.size === 0) return false;
  const others = copies.get(dotKey(dot));
  return others !== undefined && others.some((copy) => includes(vector, copy));
}

/** What a change of a command knew: the part of `Stamped` that all its changes have in common. */
export type Knowledge = Pick<
  Stamped<unknown>,
  'dot' | 'time' | 'covers' | 'survivorCovers' | 'observes' | 'standsFor'
>;

export function knowledgeOf(command: Command, copies: CopiesByDot): Knowledge {
  const { survivor } = command;
  if (command.copies.length === 1) return knowledgeOfEvent(survivor, copies);
  const { dot: own } = survivor;
  const contexts = command.copies.map(({ context }) => context);
  const observations = command.copies.map((copy) => copy.observed ?? copy.context);
  const stands = (dot: Dot): Dot => standsFor(dot, copies);
  const isOwn = (dot: Dot): boolean => sameDot(stands(dot), own);
  return {
    dot: own,
    time: survivor.time,
    covers: (dot) => isOwn(dot) || contexts.every((context) => knowsDot(context, dot, copies)),
    survivorCovers: (dot) => isOwn(dot) || knowsDot(survivor.context, dot, copies),
    observes: (dot) => isOwn(dot) || observations.every((vector) => knowsDot(vector, dot, copies)),
    standsFor: stands,
  };
}

/** The same for an event that is its command's only copy. */
export function knowledgeOfEvent(
  event: Pick<Event, 'dot' | 'time' | 'context' | 'observed'>,
  copies: CopiesByDot,
): Knowledge {
  const { dot: own, context, observed: seenByClient } = event;
  const covers = coverage(context, own, copies);
  return {
    dot: own,
    time: event.time,
    covers,
    survivorCovers: covers,
    observes: seenByClient === undefined ? covers : coverage(seenByClient, own, copies),
    standsFor: copies.size === 0 ? itself : (dot) => standsFor(dot, copies),
  };
}

function coverage(vector: VersionVector, own: Dot, copies: CopiesByDot): (dot: Dot) => boolean {
  if (copies.size === 0) return (dot) => includes(vector, dot) || sameDot(dot, own);
  return (dot) => knowsDot(vector, dot, copies) || sameDot(dot, own);
}

function standsFor(dot: Dot, copies: CopiesByDot): Dot {
  return copies.get(dotKey(dot))?.[0] ?? dot;
}

function itself(dot: Dot): Dot {
  return dot;
}
