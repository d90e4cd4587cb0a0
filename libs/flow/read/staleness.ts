import type { Actor } from '#core/causality/dot.js';
import { Freshness } from '#core/consistency/freshness.js';
import type { Clock } from '../ports/clock.js';
import type { Heartbeat } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { LinkTimes } from '../repair/link-times.js';

/** The cursor that an age goes by. */
export type AgeBy = 'stored' | 'folded';

export interface StalenessParts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly links: LinkTimes;
  readonly processId: string;
  /** The own region, and all others. */
  readonly region: string;
  readonly members: readonly string[];
  /** The cursor that reads of the shard go by: the owner's memory, or what was last read from the database. */
  readonly seqOf: (shard: number, actor: Actor, which: AgeBy) => number;
}

/** Own heartbeats whose time of sending is remembered: about a minute of them. An echo of an older one says nothing. */
const sentMax = 256;

/**
 * How old a read can be, per shard: by heartbeats that peers echo, and by readings of the own database (PROTOCOL §6). One
 * clock only is ever looked at, this process's monotonic one.
 *
 * It is told twice. By what is folded: true of every read of the shard. By what is stored: true of an entity of which nothing
 * waits, looked at after the age; so an event that waits makes its own entity stale and no other.
 */
export class Staleness {
  private readonly sentAt = new Map<number, number>();
  private readonly shards = new Map<number, Readonly<Record<AgeBy, Freshness>>>();

  constructor(private readonly parts: StalenessParts) {}

  /** A heartbeat of this process is about to be sent to everybody. */
  sending(number: number): void {
    this.sentAt.set(number, this.parts.clock.monotonicMillis());
    for (const oldest of this.sentAt.keys()) {
      if (this.sentAt.size <= sentMax) break;
      this.sentAt.delete(oldest);
    }
  }

  /** A heartbeat of a peer region, whoever passed it on. Answers when what it echoes was sent, if it echoes anything known. */
  heard(heartbeat: Heartbeat): number | undefined {
    const { region, processId, clock, links } = this.parts;
    const echo = heartbeat.echoes.find((one) => one.region === region && one.process === processId);
    const sinceMillis = echo && this.sentAt.get(echo.number);
    if (echo === undefined || sinceMillis === undefined) return undefined;
    links.measured(heartbeat.region, clock.monotonicMillis() - sinceMillis - echo.heldMillis);
    for (const { shard, lastSeq } of heartbeat.shards)
      this.told(heartbeat.region, shard, { actor: heartbeat.actor, lastSeq, sinceMillis });
    return sinceMillis;
  }

  /** An answer about one shard that was asked for at `sinceMillis`. */
  told(
    region: string,
    shard: number,
    report: { readonly actor: Actor; readonly lastSeq: number; readonly sinceMillis: number },
  ): void {
    const { stored, folded } = this.of(shard);
    stored.report(region, report);
    folded.report(region, report);
  }

  /** Reads of the shard go by something else from now on: what was known of it says nothing any more. */
  forget(shard: number): void {
    this.shards.delete(shard);
  }

  /** Since when a read of the shard, begun now, can be missing anything; `undefined`: nobody can tell. */
  since(shard: number, which: AgeBy): number | undefined {
    return this.of(shard)[which].sinceAll((actor) => this.parts.seqOf(shard, actor, which));
  }

  sinceOf(shard: number, region: string, which: AgeBy): number | undefined {
    return this.of(shard)[which].since(region, (actor) => this.parts.seqOf(shard, actor, which));
  }

  /** In whole milliseconds, rounded up: of a read that was begun when `since` was asked for. */
  age(sinceMillis: number | undefined): number | null {
    return sinceMillis === undefined
      ? null
      : Math.max(0, Math.ceil(this.parts.clock.monotonicMillis() - sinceMillis));
  }

  /** Tells how old what comes from each region is in the stalest of these shards. */
  report(shards: readonly number[]): void {
    const { members, telemetry } = this.parts;
    for (const from of members) {
      let stalest = 0;
      let unknown = 0;
      for (const shard of shards) {
        const age = this.age(this.sinceOf(shard, from, 'folded'));
        if (age === null) unknown += 1;
        else stalest = Math.max(stalest, age);
      }
      telemetry.gauge('staleness_unknown_shards', unknown, { from });
      if (unknown < shards.length) telemetry.observe('staleness_millis', stalest, { from });
    }
  }

  private of(shard: number): Readonly<Record<AgeBy, Freshness>> {
    let freshness = this.shards.get(shard);
    if (!freshness) {
      const { members } = this.parts;
      freshness = { stored: new Freshness(members), folded: new Freshness(members) };
      this.shards.set(shard, freshness);
    }
    return freshness;
  }
}
