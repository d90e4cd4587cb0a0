import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event } from '#core/event/event.js';
import type { EntityState } from '#core/merge/entity-state.js';

/** An entity as committed, with the events its owner still remembers: all folded ones that `tailAbove` lacks. */
export interface CachedEntity {
  readonly entity: EntityRef;
  readonly state: EntityState;
  readonly tailAbove: VersionVector;
  readonly tail: readonly Event[];
  /** Estimated bytes, for the limit (INV-15). */
  readonly bytes: number;
}

/**
 * Entities of the shards this process owns, within a limit in bytes.
 *
 * In two halves: whatever is asked for or changed moves to the young one, and when that is full it becomes the old one,
 * and what was left there is forgotten. So the least recently used go first, roughly, and using an entity costs one
 * look-up: to keep an exact order would cost a removal and an insertion each time.
 */
export class EntityCache {
  private young = new Map<string, CachedEntity>();
  private old = new Map<string, CachedEntity>();
  private youngBytes = 0;
  private oldBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(key: string): CachedEntity | undefined {
    const found = this.young.get(key);
    if (found) return found;
    const aged = this.old.get(key);
    if (aged) this.set(key, aged);
    return aged;
  }

  set(key: string, entity: CachedEntity): void {
    const replaced = this.young.get(key);
    this.youngBytes += entity.bytes - (replaced?.bytes ?? 0);
    if (!replaced) this.dropOld(key);
    this.young.set(key, entity);
    if (this.youngBytes > this.bytesMax / 2) this.age(key, entity);
  }

  drop(key: string): void {
    const found = this.young.get(key);
    if (found) {
      this.young.delete(key);
      this.youngBytes -= found.bytes;
    } else this.dropOld(key);
  }

  /** Forgets everything that `matches`; called when a shard is lost. */
  dropWhere(matches: (entity: EntityRef) => boolean): void {
    for (const half of [this.young, this.old])
      for (const [key, { entity }] of half) if (matches(entity)) this.drop(key);
  }

  get bytes(): number {
    return this.youngBytes + this.oldBytes;
  }

  private dropOld(key: string): void {
    const found = this.old.get(key);
    if (!found) return;
    this.old.delete(key);
    this.oldBytes -= found.bytes;
  }

  /** The newest entity begins the next young half. */
  private age(key: string, entity: CachedEntity): void {
    this.young.delete(key);
    this.old = this.young;
    this.oldBytes = this.youngBytes - entity.bytes;
    this.young = new Map([[key, entity]]);
    this.youngBytes = entity.bytes;
  }
}
