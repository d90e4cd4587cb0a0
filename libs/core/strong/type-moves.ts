import type { Actor } from '../causality/dot.js';
import { join, nothingSeen, seqOf, type VersionVector } from '../causality/version-vector.js';
import type { Event } from '../event/event.js';
import type { EntityType } from '../merge/entity-type.js';
import { parseEpoch } from './epoch.js';
import { comparePositions, type Position } from './strong-chain.js';

export type Consistency = EntityType['consistency'];

/**
 * How a type is written in a shard goes by phases: the first is as it is declared, and each of `opened` (to strong),
 * `aborted` (eventual as before) and `loosened` (to eventual) ends one and begins the next. An event carries the number of
 * the phase that its region was in, so that every region judges it alike, whatever else has arrived (PROTOCOL §8, ADR 0011).
 */
export interface PhaseEnd {
  readonly kind: 'opened' | 'aborted' | 'loosened';
  /** Where it stands in the strong log. */
  readonly at: Position;
  /**
   * What has to be stored where the next phase's changes are decided. Of `opened` also the last event of each actor that
   * counts in the phase that it ends.
   */
  readonly upTo: VersionVector;
}

/** What is known of one phase of a type in a shard. */
export interface Phase {
  /** The home asks every region to close it. */
  readonly isClosing: boolean;
  /** The seq of each actor's closing: it mints no event of the phase after it. */
  readonly closed: VersionVector;
  readonly end?: PhaseEnd;
}

/** By type, by number of the phase: only types that were ever moved. */
export type TypeMoves = ReadonlyMap<string, ReadonlyMap<number, Phase>>;

export const noMoves: TypeMoves = new Map();

/** A record of a shard's log about a type, as `type-record.ts` writes it. */
export type TypeRecord = { readonly type: string; readonly phase: number } & (
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed'; readonly actor: Actor; readonly seq: number }
  | ({ readonly kind: PhaseEnd['kind'] } & Pick<PhaseEnd, 'at' | 'upTo'>)
);

const untouchedPhase: Phase = { isClosing: false, closed: nothingSeen };

/** Records are kept by phase, so that their order of arrival does not matter; of two for one place the first is kept. */
export function withRecord(moves: TypeMoves, record: TypeRecord): TypeMoves {
  const phases = moves.get(record.type) ?? new Map<number, Phase>();
  const phase = phases.get(record.phase) ?? untouchedPhase;
  const next = phaseWith(phase, record);
  if (next === phase) return moves;
  return new Map(moves).set(record.type, new Map(phases).set(record.phase, next));
}

function phaseWith(phase: Phase, record: TypeRecord): Phase {
  switch (record.kind) {
    case 'closing':
      return phase.isClosing ? phase : { ...phase, isClosing: true };
    case 'closed':
      if (phase.closed.has(record.actor)) return phase;
      return { ...phase, closed: new Map(phase.closed).set(record.actor, record.seq) };
    default: {
      const { kind, at, upTo } = record;
      return phase.end ? phase : { ...phase, end: { kind, at, upTo } };
    }
  }
}

/** How a type is written in a shard now, as far as its records are folded here. */
export interface TypeMode {
  /** Number of the phase. */
  readonly phase: number;
  readonly kind: Consistency;
  /** It is on its way to strong: nothing of it is decided anywhere before that is over or aborted. */
  readonly isClosing: boolean;
  readonly closed: VersionVector;
  /** What has to be stored where its changes are decided. */
  readonly upTo: VersionVector;
}

const declaredModes: Readonly<Record<Consistency, TypeMode>> = {
  eventual: { phase: 0, kind: 'eventual', isClosing: false, closed: nothingSeen, upTo: nothingSeen },
  strong: { phase: 0, kind: 'strong', isClosing: false, closed: nothingSeen, upTo: nothingSeen },
};

type Declared = Pick<EntityType, 'name' | 'consistency'>;

export function modeOf(moves: TypeMoves, { name, consistency }: Declared): TypeMode {
  const phases = moves.get(name);
  if (!phases) return declaredModes[consistency];
  let number = 0;
  let begun = declared[consistency];
  for (let next = after(begun, phases.get(0)); next; next = after(begun, phases.get(number))) {
    begun = next;
    number += 1;
  }
  const { isClosing, closed } = phases.get(number) ?? untouchedPhase;
  return { phase: number, kind: begun.kind, isClosing, closed, upTo: begun.by?.upTo ?? nothingSeen };
}

interface Begun {
  readonly kind: Consistency;
  /** What ended the phase before it. */
  readonly by?: PhaseEnd;
}

const declared: Readonly<Record<Consistency, Begun>> = {
  eventual: { kind: 'eventual' },
  strong: { kind: 'strong' },
};

/** The phase that follows; `undefined` while this one lasts. */
function after({ kind }: Begun, phase: Phase | undefined): Begun | undefined {
  const by = phase?.end;
  // Only a strong phase is loosened, and only an eventual one closed: no honest home writes anything else.
  if (!by || (by.kind === 'loosened') !== (kind === 'strong')) return undefined;
  return { kind: by.kind === 'opened' ? 'strong' : 'eventual', by };
}

/** `early`: the phase that it was minted in has not begun here yet. `invalid`: its phase has no place for it. */
export type PhaseFit = 'fits' | 'early' | 'invalid';

/** Whether an event was minted as its type was written in the phase that it names. Pure (INV-14). */
export function fitsPhase(moves: TypeMoves, type: Declared, event: Event): PhaseFit {
  const { phase: number = 0, epoch } = event;
  const phases = moves.get(type.name);
  let begun = declared[type.consistency];
  for (let at = 0; at < number; at += 1) {
    const next = after(begun, phases?.get(at));
    if (!next) return 'early';
    begun = next;
  }
  if ((begun.kind === 'strong') !== (epoch !== undefined)) return 'invalid';
  const phase = phases?.get(number);
  const fits =
    begun.kind === 'strong' ? isWithin(begun.by, phase?.end, event) : isBeforeClosing(phase, event);
  return fits ? 'fits' : 'invalid';
}

/** A strong event lies after what opened its phase and before what loosened it, in the strong log. */
function isWithin(by: PhaseEnd | undefined, end: PhaseEnd | undefined, { epoch, dot }: Event): boolean {
  const parsed = parseEpoch(epoch ?? '');
  if (!parsed) return false;
  const at: Position = { epoch: parsed, seq: dot.seq };
  return (!by || comparePositions(by.at, at) < 0) && (!end || comparePositions(at, end.at) < 0);
}

/** An actor mints nothing of a phase after its closing; what the home has never heard of when it opens does not count. */
function isBeforeClosing(phase: Phase | undefined, { dot: { actor, seq } }: Event): boolean {
  if (!phase) return true;
  if (seq > (phase.closed.get(actor) ?? Infinity)) return false;
  return phase.end?.kind !== 'opened' || seq <= seqOf(phase.end.upTo, actor);
}

/** Whether every region has closed the phase that a type is in. */
export function isClosedBy(
  { closed }: Pick<TypeMode, 'closed'>,
  regions: readonly string[],
  regionOf: (actor: Actor) => string,
): boolean {
  const has = new Set([...closed.keys()].map(regionOf));
  return regions.every((region) => has.has(region));
}

/**
 * What the next phase is opened on: each actor's closing, and of actors that live no more, which can close nothing, all
 * that any region stores.
 *
 * @param stored what regions said that they store, after all had closed
 */
export function openingGround(closed: VersionVector, stored: Iterable<VersionVector>): VersionVector {
  let all: VersionVector = nothingSeen;
  for (const vector of stored) all = join(all, vector);
  const ground = new Map(all);
  for (const [actor, seq] of closed) ground.set(actor, seq);
  return ground;
}
