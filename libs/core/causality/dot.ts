import { assert } from '../assert.js';

/** `region~incarnation`: one life of one region's database, and its identity in every version vector. */
export type Actor = string;

/** Names one event within a shard, for ever (INV-8). `seq` counts from 1 without a gap per (actor, shard). */
export interface Dot {
  readonly actor: Actor;
  readonly seq: number;
}

/** The region an actor belongs to: `eu` of `eu~3k2`. */
export function regionOf(actor: Actor): string {
  const cut = actor.indexOf('~');
  return cut < 0 ? actor : actor.slice(0, cut);
}

export function sameDot(a: Dot, b: Dot): boolean {
  return a.seq === b.seq && a.actor === b.actor;
}

/** A total order of dots, by actor (code units) and then seq. It says nothing about causality. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.seq - b.seq;
}

/** A key for maps: `actor:seq`. Unique within a shard. */
export function dotKey(dot: Dot): string {
  return `${dot.actor}:${dot.seq}`;
}

/** The public form, unique in the whole system: `actor:shard:seq`, for example `eu~1:7:42`. */
export function formatDot(dot: Dot, shard: number): string {
  return `${dot.actor}:${shard}:${dot.seq}`;
}

/** Reads the public form; `undefined` when the text is not one. */
export function parseDot(text: string): { readonly dot: Dot; readonly shard: number } | undefined {
  const match = /^([^:]+):(0|[1-9]\d{0,4}):([1-9]\d{0,15})$/.exec(text);
  if (!match) return undefined;
  const [, actor, shard, seq] = match;
  assert(actor !== undefined && shard !== undefined && seq !== undefined, 'a matched dot has three parts');
  const parsed = Number(seq);
  if (!Number.isSafeInteger(parsed)) return undefined;
  return { dot: { actor, seq: parsed }, shard: Number(shard) };
}
