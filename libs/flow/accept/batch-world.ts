import { dotKey, regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { covers, includes, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event, StoredEvent } from '#core/event/event.js';
import { birthOf } from '#core/event/mutation-id.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Place } from '#core/merge/policy.js';
import type { ConflictRow, MutationRow } from '../ports/event-log.js';
import type { Hashing } from '../ports/record-auth.js';
import type { CachedEntity } from './entity-cache.js';

/** What a batch decides with: everything it may look at, as it was when the batch began. */
export interface BatchWorld {
  readonly types: EntityTypes;
  readonly ownActor: Actor;
  readonly hashing: Hashing;
  /** The wall time: the own one, or while that is not trusted the one that the other clocks show. */
  readonly nowMillis: number;
  /** Whether the own one is: else no command is stamped (PROTOCOL §10). */
  readonly isClockTrusted: boolean;
  readonly eventBytesMax: number;
  readonly groupBytesMax: number;
  /** How many shards there are. */
  readonly shards: number;
  /** Committed cursors of any other shard, below what is pending there: what dependencies are held against. */
  readonly causal: (shard: number) => VersionVector;
  /** What is stable in any shard, as far as this process knows. */
  readonly stableIn: (shard: number) => VersionVector;
  readonly tailEventsMax: number;
  readonly undecidedBytesMax: number;
  /** Whether events of this type from this region are refused because the policies differ (PROTOCOL §12). */
  readonly isRefused: (region: string, type: string) => boolean;
  /** Whether the policies of the actor's region were compared with ours: before, nothing of it is folded. */
  readonly isCompared: (actor: Actor) => boolean;
  /** Mutation ids born at or before it may have lost their records by the time the batch looked for them. */
  readonly mutationHorizonMillis: number;
  /** Types with a bounded counter: what is decided for them needs to know where it is decided. */
  readonly holdsRights: (type: string) => boolean;
  /** The actor of another region: `unheard` of a member that nothing was heard of; `undefined` of anybody else. */
  readonly actorOf: Place['actorOf'];
  readonly members: Place['members'];
  readonly hearsMajority: Place['hearsMajority'];
  /** Whether an event of this shard is known to count for good, although not every member has folded it. */
  readonly isFirm: (dot: Dot) => boolean;
  /** What every member has folded, of this shard, when the batch began. */
  readonly stable: VersionVector;
  /** Entities loaded before the batch, by key; absent means never touched. */
  readonly entity: (key: string) => CachedEntity | undefined;
  /** Whether `entity` was asked for: else nobody knows whether it was ever touched. */
  readonly isLoaded: (key: string) => boolean;
  /** Mutation records read before the batch; `undefined`: they were not asked for. */
  readonly mutations: (id: string) => readonly MutationRow[] | undefined;
  /** An event that waits in the shard, if it is remembered or was loaded. */
  readonly held: (dot: Dot) => { readonly event: Event } | undefined;
  readonly loads: Loads;
}

/** Where a command of the batch is decided. */
export function placeIn(
  { stable, isFirm, ownActor, actorOf, members, hearsMajority }: BatchWorld,
  mutationId: string,
): Place {
  return {
    isStable: (dot) => includes(stable, dot) || isFirm(dot),
    isBornHere: birthOf(mutationId)?.region === regionOf(ownActor),
    actorOf,
    members,
    hearsMajority,
  };
}

/** More than the batch was given, as loaded from the log in answer to `Missing`. Kept until the batch has been decided. */
export class Loads {
  private readonly tails = new Map<
    string,
    { readonly above: VersionVector; readonly events: readonly Event[] }
  >();
  private readonly conflictRows = new Map<string, readonly ConflictRow[]>();
  private readonly events = new Map<string, StoredEvent>();
  private readonly entities = new Map<string, CachedEntity | undefined>();
  private readonly mutationRows = new Map<string, readonly MutationRow[]>();

  addTail(key: string, above: VersionVector, events: readonly Event[]): void {
    this.tails.set(key, { above, events });
  }

  addConflicts(key: string, rows: readonly ConflictRow[]): void {
    this.conflictRows.set(key, rows);
  }

  addMutations(id: string, rows: readonly MutationRow[]): void {
    this.mutationRows.set(id, rows);
  }

  addEntity(key: string, entity: CachedEntity | undefined): void {
    this.entities.set(key, entity);
  }

  addEvent(stored: StoredEvent): void {
    this.events.set(dotKey(stored.event.dot), stored);
  }

  /** All folded events of the entity that `above` lacks, if they were loaded. */
  tail(
    key: string,
    above: VersionVector,
  ): { readonly above: VersionVector; readonly events: readonly Event[] } | undefined {
    const tail = this.tails.get(key);
    return tail && covers(above, tail.above) ? tail : undefined;
  }

  conflicts(key: string): readonly ConflictRow[] | undefined {
    return this.conflictRows.get(key);
  }

  mutations(id: string): readonly MutationRow[] | undefined {
    return this.mutationRows.get(id);
  }

  hasEntity(key: string): boolean {
    return this.entities.has(key);
  }

  entity(key: string): CachedEntity | undefined {
    return this.entities.get(key);
  }

  event(dot: Dot): StoredEvent | undefined {
    return this.events.get(dotKey(dot));
  }
}

/** Thrown inside a batch that lacks something from the log: it is loaded, and the batch decided again from the start. */
export class Missing extends Error {
  override readonly name = 'Missing';

  constructor(
    readonly need:
      | { readonly kind: 'tail'; readonly entity: EntityRef; readonly above: VersionVector }
      | { readonly kind: 'conflicts'; readonly entity: EntityRef }
      | { readonly kind: 'entity'; readonly entity: EntityRef }
      | { readonly kind: 'mutations'; readonly id: string }
      | { readonly kind: 'event'; readonly dot: Dot },
  ) {
    super(`the batch needs ${need.kind}`);
  }
}
