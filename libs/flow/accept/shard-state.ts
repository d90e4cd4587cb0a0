import type { Actor } from '#core/causality/dot.js';
import type { HybridClock } from '#core/causality/hybrid-timestamp.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Event } from '#core/event/event.js';
import type { Fence, ShardImage } from '../ports/event-log.js';
import { StrongShard, undecidedReason } from '../strong/strong-shard.js';
import { nothingKnown, type KnownMutations } from './known-mutations.js';
import { WaitingIndex } from './waiting-index.js';

export interface Cursor {
  readonly stored: number;
  readonly hash: string;
  readonly folded: number;
}

/**
 * What the owner of a shard knows of it: committed state only. A batch decides on a copy of its own, and changes this
 * after its commit (PROTOCOL §1).
 */
export interface ShardState {
  readonly shard: number;
  fence: Fence;
  clock: HybridClock;
  readonly cursors: Map<Actor, Cursor>;
  readonly waiting: WaitingIndex;
  /** Actors whose stream showed a fork: nothing more of them is stored until somebody acts (INV-8). */
  readonly stopped: Set<Actor>;
  /** Until then, by this process's monotonic clock, nobody else can have taken the shard: its memory is the truth. */
  leaseUntilMillis: number;
  readonly strong: StrongShard;
  readonly mutations: KnownMutations;
}

export interface ShardGround {
  /** Left out: another process may own the shard already. */
  readonly leaseUntilMillis?: number;
  /** The shard's opening events. */
  readonly openings?: readonly Event[];
  /** The shard's events about how its types were moved. */
  readonly moves?: readonly Event[];
  /** What is known of the shard's mutation records. Left out: nothing. */
  readonly mutations?: KnownMutations;
}

export function shardStateOf(
  shard: number,
  image: ShardImage,
  { leaseUntilMillis = -Infinity, openings = [], moves = [], mutations = nothingKnown() }: ShardGround = {},
): ShardState {
  const strong = new StrongShard();
  strong.restore(
    image.promised,
    openings,
    image.waiting.filter(({ reason }) => reason === undecidedReason),
  );
  strong.restoreMoves(moves);
  const waiting = new WaitingIndex();
  for (const row of image.waiting) waiting.add(row);
  return {
    shard,
    fence: image.fence,
    // Beyond everything the former owner may have stamped, whatever this machine's clock says.
    clock: { wallMillis: image.hybridFloorMillis + 1, counter: 0 },
    cursors: new Map(
      image.cursors.map(({ actor, stored, hash, folded }) => [actor, { stored, hash, folded }]),
    ),
    waiting,
    stopped: new Set(),
    leaseUntilMillis,
    strong,
    mutations,
  };
}

export function storedVector(shard: ShardState): VersionVector {
  return vectorOf(shard, 'stored');
}

export function foldedVector(shard: ShardState): VersionVector {
  return vectorOf(shard, 'folded');
}

/** What dependencies are held against: stored, lowered below the first pending event (PROTOCOL §3). */
export function causalVector(shard: ShardState): VersionVector {
  if (shard.waiting.pending === 0) return storedVector(shard);
  const vector = new Map<Actor, number>();
  for (const actor of shard.cursors.keys()) {
    const seq = causalSeq(shard, actor);
    if (seq > 0) vector.set(actor, seq);
  }
  return vector;
}

export function causalSeq({ cursors, waiting }: ShardState, actor: Actor): number {
  return Math.min(cursors.get(actor)?.stored ?? 0, waiting.lowestPending(actor) - 1);
}

function vectorOf(shard: ShardState, which: 'stored' | 'folded'): VersionVector {
  const vector = new Map<Actor, number>();
  for (const [actor, cursor] of shard.cursors) if (cursor[which] > 0) vector.set(actor, cursor[which]);
  return vector;
}
