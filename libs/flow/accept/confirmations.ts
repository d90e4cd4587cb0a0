import { regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { seqOf } from '#core/causality/version-vector.js';
import { countedRegions } from '#core/consistency/acks.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import { PeerUnavailable, type Peers } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import { CursorWatch } from './wake.js';

export interface ConfirmationsParts {
  readonly log: EventLog;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timing: Timing;
  readonly members: readonly string[];
}

/** Where an event is known to be stored and flushed, its origin left out. */
export interface Confirmation {
  readonly confirmed: readonly string[];
  /** Not yet, as far as is known. */
  readonly unconfirmed: readonly string[];
}

/** What regions have said of one stream, and who waits for more. */
interface Stream {
  readonly stored: Map<string, number>;
  readonly watch: CursorWatch;
  /** Regions with a question under way, and whether somebody has asked again since it began. */
  readonly asking: Map<string, 'once' | 'again'>;
}

/**
 * Which regions store what, as each has said of itself: by the acks that they send at once for events that asked for them,
 * and by answers to a question, where an ack was lost or never asked for. Nothing here is believed of a third party.
 */
export class Confirmations {
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly parts: ConfirmationsParts) {
    parts.peers.onAck((region, { shard, actor, stored }) => this.note(region, { shard, actor }, stored));
  }

  /**
   * Waits until `needed` regions besides the origin store the event, or the deadline passes; then it tells who does.
   *
   * @param replayed it was stored before, perhaps elsewhere or without asking for acks: regions are asked at once
   */
  async wait(
    event: {
      readonly shard: number;
      readonly dot: Dot;
      readonly replayed: boolean;
      /** A strong write that another region may have stored alone so far. */
      readonly isElsewhere?: boolean;
    },
    { needed, deadlineMillis }: { readonly needed: number; readonly deadlineMillis: number },
  ): Promise<Confirmation> {
    const { clock, timing, log, telemetry } = this.parts;
    const stream = this.stream(event.shard, event.dot.actor);
    const { region: here } = log.identity;
    if (regionOf(event.dot.actor) !== here && event.isElsewhere !== true)
      raise(stream.stored, here, event.dot.seq);
    const beganMillis = clock.monotonicMillis();
    let askAtMillis = clock.monotonicMillis() + (event.replayed ? 0 : timing.ackPatienceMillis);
    for (;;) {
      const known = this.known(stream, event.dot);
      const now = clock.monotonicMillis();
      if (known.confirmed.length >= needed) {
        telemetry.observe('acks_millis', now - beganMillis);
        return known;
      }
      if (now >= deadlineMillis) {
        telemetry.count('acks_incomplete_total');
        return known;
      }
      if (now >= askAtMillis) {
        askAtMillis = now + timing.ackPatienceMillis;
        for (const region of known.unconfirmed) void this.ask(stream, region, event);
      }
      await stream.watch.next(Math.min(deadlineMillis, askAtMillis) - now);
    }
  }

  private known(stream: Stream, { actor, seq }: Dot): Confirmation {
    const { members } = this.parts;
    const origin = regionOf(actor);
    const storing = [...stream.stored].filter(([, stored]) => stored >= seq).map(([region]) => region);
    const confirmed = countedRegions(storing, { members, besides: origin });
    const unconfirmed = members.filter((region) => region !== origin && !confirmed.includes(region));
    return { confirmed, unconfirmed };
  }

  private note(region: string, of: { readonly shard: number; readonly actor: Actor }, stored: number): void {
    const stream = this.stream(of.shard, of.actor);
    if (raise(stream.stored, region, stored)) stream.watch.moved();
  }

  /** One question at a time answers all who wait: what a region stores of the stream. */
  private async ask(
    stream: Stream,
    region: string,
    event: { readonly shard: number; readonly dot: Dot },
  ): Promise<void> {
    const { asking } = stream;
    if (asking.has(region)) return void asking.set(region, 'again');
    do {
      asking.set(region, 'once');
      await this.askOnce(region, event.shard, event.dot.actor).catch((error: unknown) => {
        asking.delete(region);
        throw error;
      });
    } while (asking.get(region) === 'again');
    asking.delete(region);
  }

  private async askOnce(region: string, shard: number, actor: Actor): Promise<void> {
    try {
      this.note(region, { shard, actor }, await this.storedIn(region, shard, actor));
    } catch (error) {
      const isForeseen = [PeerUnavailable, LogUnavailable, CommitUnknown].some(
        (kind) => error instanceof kind,
      );
      if (!isForeseen) throw error;
    }
  }

  /** Of this region itself what its database has: a strong write that was asked for here was minted elsewhere. */
  private async storedIn(region: string, shard: number, actor: Actor): Promise<number> {
    const { peers, timing, log } = this.parts;
    if (region !== log.identity.region)
      return seqOf((await peers.cursors(region, shard, timing.ackAskMillisMax)).stored, actor);
    const rows = (await log.cursors()).get(shard) ?? [];
    return rows.find((row) => row.actor === actor)?.stored ?? 0;
  }

  private stream(shard: number, actor: Actor): Stream {
    const key = `${shard} ${actor}`;
    let stream = this.streams.get(key);
    if (!stream) {
      stream = { stored: new Map(), watch: new CursorWatch(this.parts.clock), asking: new Map() };
      this.streams.set(key, stream);
    }
    return stream;
  }
}

/** Whether it was raised. */
function raise(stored: Map<string, number>, region: string, seq: number): boolean {
  if ((stored.get(region) ?? 0) >= seq) return false;
  stored.set(region, seq);
  return true;
}
