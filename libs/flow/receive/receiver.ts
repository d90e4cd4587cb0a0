import { regionOf, type Actor } from '#core/causality/dot.js';
import { decodeEvent } from '#core/event/event-codec.js';
import { unpackEvents } from '#core/event/event-pack.js';
import type { EntityRef, StoredEvent } from '#core/event/event.js';
import { nothingStored, type StoredCursor } from '#core/event/receive.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { liesIn } from '#core/strong/opening-event.js';
import type { Intake } from '../accept/intake.js';
import type { ShardState } from '../accept/shard-state.js';
import type { Limits } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { RegionIdentity } from '../ports/event-log.js';
import type { Hashing, RecordAuth } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { IncomingRecord } from '../ports/transport.js';
import { EarlyBuffer } from './early-buffer.js';
import { OpenGroups } from './open-groups.js';

export interface ReceiverParts {
  readonly identity: RegionIdentity;
  readonly members: readonly string[];
  readonly intake: Intake;
  readonly auth: RecordAuth;
  readonly hashing: Hashing;
  readonly telemetry: Telemetry;
  readonly clock: Pick<Clock, 'monotonicMillis'>;
  readonly limits: Limits;
  readonly types: EntityTypes;
  /** Whether events of this type from this region are refused because the policies differ (PROTOCOL §12). */
  readonly isRefused: (region: string, type: string) => boolean;
  /** Whether the policies of the actor's region were compared: before, nothing of it is handed on (PROTOCOL §12). */
  readonly isCompared: (actor: Actor) => boolean;
  /** A stream has a gap below what has just arrived: somebody should look whether it closes by itself. */
  readonly onGap: (shard: number, actor: Actor, earlySeq: number) => void;
}

/**
 * Station 4: takes records and fetched events, lets nothing in that no member sent (INV-14), and hands each stream to
 * the executor in seq order. Early ones wait; what is dropped here is fetched later, never skipped (INV-3).
 */
export class Receiver {
  private readonly early: EarlyBuffer;
  private readonly groups: OpenGroups;
  /** Head of each stream as handed to the executor: at or beyond the stored cursor. */
  private readonly handed = new Map<number, Map<Actor, StoredCursor>>();
  /** Shards of which it was said that an event cannot be read. */
  private readonly unreadable = new Set<number>();

  /** When the carrier brought records of a region last, in monotonic milliseconds. */
  private readonly carriedAt = new Map<string, number>();

  constructor(private readonly parts: ReceiverParts) {
    this.early = new EarlyBuffer(parts.limits.earlyBufferBytesMax);
    this.groups = new OpenGroups(parts.limits.groupBytesMax);
  }

  /** Records of the local cluster; resolves when there is room for more. */
  async deliver(records: readonly IncomingRecord[]): Promise<void> {
    const now = this.parts.clock.monotonicMillis();
    for (const record of records) {
      if (!this.parts.intake.stateOf(record.shard)) continue;
      const admitted = this.admit(record);
      if (admitted.length > 0) this.carriedAt.set(record.origin, now);
      for (const stored of admitted) this.take(stored);
    }
    this.parts.telemetry.gauge('early_buffer_bytes', this.early.bytes);
    await this.parts.intake.room();
  }

  /** When the local cluster last delivered anything of a region, in monotonic milliseconds. */
  carriedAtMillis(region: string): number {
    return this.carriedAt.get(region) ?? -Infinity;
  }

  /** Events fetched from a member over an authenticated connection. Answers how many belong to streams of this process. */
  async deliverFetched(shard: number, bytesOfEvents: readonly Uint8Array[]): Promise<number> {
    let taken = 0;
    for (const bytes of bytesOfEvents) {
      const stored = this.decode(bytes, shard);
      if (!stored) this.refuseFetched(shard);
      else {
        this.take(stored);
        taken += 1;
      }
    }
    await this.parts.intake.room();
    return taken;
  }

  /** A shard came: streams go on from its cursors. */
  own(state: ShardState): void {
    this.handed.set(state.shard, new Map<Actor, StoredCursor>(state.cursors));
  }

  lost(shard: number): void {
    this.handed.delete(shard);
    this.unreadable.delete(shard);
    this.early.dropShard(shard);
    this.groups.dropShard(shard);
  }

  /** The policies of a region were compared: what was held of it until then goes on. */
  compared(region: string): void {
    for (const { shard, actor } of this.early.streamsHeld()) {
      const streams = this.handed.get(shard);
      if (streams && regionOf(actor) === region) this.goOn(shard, actor, streams);
    }
  }

  /** Next seq that is wanted: beyond what was handed on, and what waits for the rest of its group. */
  nextSeq(shard: number, actor: Actor): number {
    return (this.handed.get(shard)?.get(actor)?.stored ?? 0) + this.groups.count(shard, actor) + 1;
  }

  /** The events of a record, if it may be let in. One bad event in a record of a member leaves the others what they are. */
  private admit(record: IncomingRecord): readonly StoredEvent[] {
    const { members, auth, identity, limits } = this.parts;
    if (record.origin === identity.region || !members.includes(record.origin))
      return this.refuse('not_a_member');
    if (record.value.length > limits.eventBytesMax) return this.refuse('too_large');
    if (!record.mac || !auth.verify(record.origin, record.value, record.mac)) return this.refuse('bad_mac');
    const packed = unpackEvents(record.value);
    if (!packed) return this.refuse('malformed');
    const admitted: StoredEvent[] = [];
    for (const bytes of packed) {
      const stored = this.decode(bytes, record.shard);
      if (!stored) this.refuse('malformed');
      else if (regionOf(stored.event.dot.actor) !== record.origin) this.refuse('foreign_actor');
      else admitted.push(stored);
    }
    return admitted;
  }

  private decode(bytes: Uint8Array, shard: number): StoredEvent | undefined {
    const { hashing, identity, members } = this.parts;
    const text = hashing.fromUtf8(bytes);
    const event = text === undefined ? undefined : decodeEvent(text);
    if (!event || event.shard !== shard) return undefined;
    const region = regionOf(event.dot.actor);
    if (region === identity.region || !members.includes(region)) return undefined;
    if (!this.liesIn(event.entity, shard, region)) return undefined;
    return { event, bytes, hash: hashing.sha256Hex(bytes) };
  }

  /** Who declares a type otherwise may place it otherwise: its events are stored, and parked. */
  private liesIn(entity: EntityRef, shard: number, region: string): boolean {
    const { identity, types, isRefused } = this.parts;
    return liesIn(entity, shard, { shards: identity.shards, types }) || isRefused(region, entity.type);
  }

  private refuse(reason: string): readonly never[] {
    this.parts.telemetry.count('records_refused_total', { reason });
    return [];
  }

  /** A region gave what cannot be read, and will again: nothing behind it in its stream gets here. */
  private refuseFetched(shard: number): void {
    this.refuse('malformed');
    if (this.unreadable.has(shard)) return;
    this.unreadable.add(shard);
    const what = 'an event that another region stores cannot be read here: its stream stands still';
    this.parts.telemetry.log('error', what, { shard });
  }

  private take(stored: StoredEvent): void {
    const { shard, dot } = stored.event;
    const streams = this.handed.get(shard);
    if (!streams) return;
    const last = streams.get(dot.actor) ?? nothingStored;
    const next = this.nextSeq(shard, dot.actor);
    // Another event under the head's dot is for the executor to judge: it may be a fork (INV-8).
    const contradictsHead = dot.seq === last.stored && stored.hash !== last.hash;
    if (dot.seq < next && !contradictsHead) {
      this.parts.telemetry.count('duplicates_dropped_total');
      return;
    }
    if (contradictsHead) return this.parts.intake.offer(shard, stored);
    const isCompared = this.parts.isCompared(dot.actor);
    if (dot.seq > next || !isCompared) {
      this.parts.telemetry.count(
        this.early.hold(shard, stored) ? 'early_buffered_total' : 'early_dropped_total',
      );
      this.parts.onGap(shard, dot.actor, isCompared ? dot.seq - 1 : dot.seq);
      return;
    }
    if (!this.hand(shard, stored, streams)) return;
    this.early.take(shard, dot.actor, dot.seq);
    this.goOn(shard, dot.actor, streams);
  }

  /** Hands on what was held of a stream, as far as it follows. */
  private goOn(shard: number, actor: Actor, streams: Map<Actor, StoredCursor>): void {
    for (let seq = this.nextSeq(shard, actor); ; seq += 1) {
      const following = this.early.take(shard, actor, seq);
      if (!following) return this.wantRest(shard, actor, seq);
      if (!this.hand(shard, following, streams)) return;
    }
  }

  /** A group that has begun goes on: if the rest does not come by itself, it is fetched. */
  private wantRest(shard: number, actor: Actor, seq: number): void {
    const missing = this.groups.missing(shard, actor);
    if (missing > 0) this.parts.onGap(shard, actor, seq + missing - 1);
  }

  /** Hands on what is whole: an event, or all those of a group. Answers whether the event was one that a member writes. */
  private hand(shard: number, stored: StoredEvent, streams: Map<Actor, StoredCursor>): boolean {
    const grouped = this.groups.add(shard, stored);
    if (grouped.kind === 'malformed') this.refuse('malformed');
    if (grouped.kind !== 'whole') return grouped.kind === 'open';
    const [first = stored, ...rest] = grouped.events;
    streams.set(stored.event.dot.actor, { stored: stored.event.dot.seq, hash: stored.hash });
    this.parts.intake.offer(shard, first, rest.length > 0 ? rest : undefined);
    return true;
  }
}
