import { includes, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';

/** One event, as a bystander knows it. */
export interface KnownEvent {
  /** Unique in the world: `shard actor:seq`. */
  readonly name: string;
  readonly entity: EntityRef;
  readonly dot: { readonly actor: string; readonly seq: number };
  readonly mutationId: string;
}

/** Names of events. */
type Past = ReadonlySet<string>;

const nothing: Past = new Set();

/**
 * What every client has seen, kept by a bystander who looks at answers only: it knows nothing of tokens, cursors or
 * dependencies, so it can say when those did not do what they are for.
 *
 * A session's past is all it wrote and read, and, at level causal, also the past of whoever wrote what it read.
 */
export class CausalOracle {
  private readonly byEntity = new Map<string, KnownEvent[]>();
  private readonly byName = new Map<string, KnownEvent>();
  /** Of commands sent at level causal, by mutation id: what their client had seen. */
  private readonly pasts = new Map<string, Past>();
  private readonly sessions = new Map<number, Past>();
  private readonly folded = new Map<string, Set<string>>();

  /** An event came into being, or to one more region; answers whether it is new. */
  learn(event: KnownEvent): boolean {
    if (this.byName.has(event.name)) return false;
    this.byName.set(event.name, event);
    const key = entityKey(event.entity);
    const events = this.byEntity.get(key);
    if (events) events.push(event);
    else this.byEntity.set(key, [event]);
    return true;
  }

  /** What a client's session has seen so far. */
  pastOf(client: number): Past {
    return this.sessions.get(client) ?? nothing;
  }

  /** A causal command is sent: whoever sees it has what its client had seen. */
  sends(mutationId: string, past: Past): void {
    this.pasts.set(mutationId, past);
  }

  /** The session goes on from an answer of a call that was made with the session as it was at `before`. */
  answered(
    client: number,
    before: Past,
    answer: { readonly entity: EntityRef; readonly seen: VersionVector; readonly causal: boolean },
  ): void {
    const past = new Set(before);
    for (const event of this.seenOf(answer.entity, answer.seen)) {
      past.add(event.name);
      if (!answer.causal) continue;
      for (const name of this.pasts.get(event.mutationId) ?? nothing) past.add(name);
    }
    this.sessions.set(client, past);
  }

  /** The first event of the entity that the past has and the answer has not. */
  missing(past: Past, entity: EntityRef, seen: VersionVector): string | undefined {
    const key = entityKey(entity);
    for (const name of past) {
      const event = this.byName.get(name);
      if (event && entityKey(event.entity) === key && !includes(seen, event.dot)) return name;
    }
    return undefined;
  }

  /** Notes what a region's entity shows; answers the events that it shows for the first time. */
  shows(region: string, entity: EntityRef, seen: VersionVector): readonly KnownEvent[] {
    const folded = this.foldedIn(region);
    const fresh = this.seenOf(entity, seen).filter(({ name }) => !folded.has(name));
    for (const { name } of fresh) folded.add(name);
    return fresh;
  }

  /**
   * The first event that the client of a causal command had seen and that the region does not show.
   *
   * @param isParked what is parked holds nothing up
   */
  unseenCause(
    region: string,
    effect: KnownEvent,
    isParked: (cause: KnownEvent) => boolean,
  ): string | undefined {
    const folded = this.foldedIn(region);
    for (const name of this.pasts.get(effect.mutationId) ?? nothing) {
      const cause = this.byName.get(name);
      if (cause && !folded.has(name) && !isParked(cause)) return name;
    }
    return undefined;
  }

  private seenOf(entity: EntityRef, seen: VersionVector): readonly KnownEvent[] {
    return (this.byEntity.get(entityKey(entity)) ?? []).filter(({ dot }) => includes(seen, dot));
  }

  private foldedIn(region: string): Set<string> {
    const folded = this.folded.get(region) ?? new Set<string>();
    this.folded.set(region, folded);
    return folded;
  }
}
