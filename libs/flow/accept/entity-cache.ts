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

/** Entities of the shards this process owns, least recently used first out, within a limit in bytes. */
export class EntityCache {
  private readonly entries = new Map<string, CachedEntity>();
  private usedBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(key: string): CachedEntity | undefined {
    const found = this.entries.get(key);
    if (found) {
      this.entries.delete(key);
      this.entries.set(key, found);
    }
    return found;
  }

  set(key: string, entity: CachedEntity): void {
    this.drop(key);
    this.entries.set(key, entity);
    this.usedBytes += entity.bytes;
    for (const oldest of this.entries.keys()) {
      if (this.usedBytes <= this.bytesMax || oldest === key) break;
      this.drop(oldest);
    }
  }

  drop(key: string): void {
    const found = this.entries.get(key);
    if (!found) return;
    this.entries.delete(key);
    this.usedBytes -= found.bytes;
  }

  /** Forgets everything that `matches`; called when a shard is lost. */
  dropWhere(matches: (entity: EntityRef) => boolean): void {
    for (const [key, { entity }] of this.entries) if (matches(entity)) this.drop(key);
  }

  get bytes(): number {
    return this.usedBytes;
  }
}
