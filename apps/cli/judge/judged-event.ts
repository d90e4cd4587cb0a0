import { regionOf } from '#core/causality/dot.js';
import type { Json } from '#core/json.js';

/** Seqs by actor, as regions show version vectors. */
export type Seen = Readonly<Record<string, number>>;

/** An event as a region shows it in an entity's history, with what a judge needs to know. */
export interface JudgedEvent {
  readonly type: string;
  readonly id: string;
  readonly actor: string;
  readonly seq: number;
  /** `actor:shard:seq`. */
  readonly dot: string;
  readonly kind: 'update' | 'delete';
  readonly changes: readonly { readonly field: string; readonly change: Json }[];
  readonly context: Seen;
  readonly observed?: Seen;
  readonly mutationId: string;
}

/** All events that one command became; the first is the survivor. */
export interface JudgedCommand {
  readonly survivor: JudgedEvent;
  readonly copies: readonly JudgedEvent[];
}

/** Commands of one entity's events. The survivor is the least by (not minted in the birth region, dot). */
export function judgedCommands(events: readonly JudgedEvent[]): readonly JudgedCommand[] {
  const byMutation = Map.groupBy(events, (event) => event.mutationId);
  return [...byMutation.values()].map((group) => {
    const copies = group.toSorted((a, b) => bornElsewhere(a) - bornElsewhere(b) || compareEventDots(a, b));
    return { survivor: copies[0] as JudgedEvent, copies };
  });
}

/** A mutation id of the form `region.uuid` says where its command was born. */
function bornElsewhere({ mutationId, actor }: JudgedEvent): number {
  const birth = /^([a-z0-9-]+)\.[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(
    mutationId,
  );
  return birth?.[1] === regionOf(actor) ? 0 : 1;
}

export function compareEventDots(a: JudgedEvent, b: JudgedEvent): number {
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.seq - b.seq;
}

/** Whether whoever has seen this has the command in it: any copy will do. */
export function hasSeen(seen: Seen, { copies }: JudgedCommand): boolean {
  return copies.some(({ actor, seq }) => (seen[actor] ?? 0) >= seq);
}

/** x is before y if each copy of y has some copy of x in its context. */
export function isBefore(x: JudgedCommand, y: JudgedCommand): boolean {
  return y.copies.every(({ context }) => hasSeen(context, x));
}

export function areConcurrent(x: JudgedCommand, y: JudgedCommand): boolean {
  return x !== y && !isBefore(x, y) && !isBefore(y, x);
}
