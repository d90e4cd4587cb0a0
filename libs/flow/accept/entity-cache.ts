import { includes, join, meet, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import type { ConflictIndex } from '#core/merge/conflict-index.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { decodeEntity } from '#core/merge/entity-value.js';
import { parseJson } from '#core/parse-json.js';
import { Generations } from '../generations.js';

/** An entity as committed, with the events its owner still remembers: all folded ones that `tailAbove` lacks. */
export interface CachedEntity {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly state: EntityState;
  readonly tailAbove: VersionVector;
  readonly tail: readonly Event[];
  /** Where its events are often concurrent: what its conflicts are found by. */
  readonly index?: KeptIndex;
}

/** An index that the batch which goes on with it takes: every event that is decided changes it, also in a batch that fails. */
export class KeptIndex {
  private index: ConflictIndex | undefined;
  readonly size: number;

  constructor(index: ConflictIndex) {
    this.index = index;
    this.size = index.size;
  }

  take(): ConflictIndex | undefined {
    const { index } = this;
    this.index = undefined;
    return index;
  }
}

/** Its state is text: the very text that the database holds. */
interface Resting extends Omit<CachedEntity, 'state' | 'tailAbove' | 'index'> {
  readonly text: string;
  /** Absent: nothing is remembered, so all that is folded is above. */
  readonly tailAbove?: VersionVector;
  readonly bytes: number;
}

interface Awake extends CachedEntity {
  readonly text: string;
  readonly bytes: number;
}

export interface EntityCacheParts {
  /** Of all that is remembered, estimated (INV-15). */
  readonly bytesMax: number;
  readonly types: EntityTypes;
  /** What every member has folded of a shard. */
  readonly stable: (shard: number) => VersionVector;
}

/** Bytes that an entity and each of its events cost in memory besides their text; measured roughly, for the limit only. */
const overheadBytes = 600;
/** An awake entity is text and objects: of the limit, so much is for these. */
const awakeShare = 1 / 16;

/**
 * Entities of the shards this process owns, within a limit in bytes. The least recently used go first, roughly.
 *
 * Those in use are awake: decoded, ready to be folded on. The others rest as one text each: the garbage collector visits
 * every object that is alive, some twenty per entity, and a hundred thousand awake ones were a fifth of the cost of a
 * write. To wake one costs a few microseconds.
 */
export class EntityCache {
  private readonly awake: Generations<Awake>;
  private readonly resting: Generations<Resting>;

  constructor(private readonly parts: EntityCacheParts) {
    const awakeBytesMax = parts.bytesMax * awakeShare;
    this.resting = new Generations(parts.bytesMax - awakeBytesMax, () => undefined);
    this.awake = new Generations(awakeBytesMax, (key, entity) => this.rest(key, entity));
  }

  get(key: string): CachedEntity | undefined {
    const found = this.awake.get(key);
    if (found) return found;
    const resting = this.resting.take(key);
    return resting && this.wake(key, resting);
  }

  /** @param text the entity's state as it is stored */
  set(key: string, entity: CachedEntity, text: string): void {
    this.resting.delete(key);
    this.keepAwake(key, entity, text);
  }

  /** Forgets everything of a shard that was lost. */
  dropShard(shard: number): void {
    this.awake.deleteWhere((entity) => entity.shard === shard);
    this.resting.deleteWhere((entity) => entity.shard === shard);
  }

  get bytes(): number {
    return this.awake.bytes + this.resting.bytes;
  }

  private wake(key: string, { entity, shard, text, tail, tailAbove }: Resting): CachedEntity | undefined {
    const type = this.parts.types.get(entity.type);
    if (!type) return undefined;
    const state = decodeEntity(type, parseJson(text) as Json);
    return this.keepAwake(key, { entity, shard, state, tail, tailAbove: tailAbove ?? state.seen }, text);
  }

  private keepAwake(key: string, entity: CachedEntity, text: string): CachedEntity {
    const remembered = entity.tail.length + (entity.index?.size ?? 0) + 1;
    const bytes = 2 * text.length + remembered * overheadBytes;
    const awake = { ...entity, text, bytes };
    this.awake.set(key, awake);
    return awake;
  }

  private rest(key: string, awake: Awake): void {
    const { entity, shard, text } = awake;
    const { tail, tailAbove } =
      awake.tail.length === 0 ? awake : withoutStable(awake, this.parts.stable(shard));
    const bytes = text.length + overheadBytes / 2 + tail.length * overheadBytes;
    const remembered = tail.length === 0 ? { tail: nothing } : { tail, tailAbove };
    this.resting.set(key, { entity, shard, text, ...remembered, bytes });
  }
}

const nothing: readonly Event[] = [];

/**
 * Nothing concurrent with a stable event can still arrive: nobody will ask for it. They are dropped once the oldest is stable:
 * while a member is away nothing is, and the tail of an entity that is written often is long.
 */
export function withoutStable(
  { state, tail, tailAbove }: Pick<CachedEntity, 'state' | 'tail' | 'tailAbove'>,
  stable: VersionVector,
): Pick<CachedEntity, 'tail' | 'tailAbove'> {
  const [oldest] = tail;
  if (!oldest || !includes(stable, oldest.dot)) return { tail, tailAbove };
  const left = tail.filter(({ dot }) => !includes(stable, dot));
  return { tail: left, tailAbove: join(tailAbove, meet(stable, state.seen)) };
}
