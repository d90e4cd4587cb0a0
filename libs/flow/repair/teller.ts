import { seqOf } from '#core/causality/version-vector.js';
import type { ClockGuard } from '../accept/clock-guard.js';
import type { Intake } from '../accept/intake.js';
import { Rounds } from '../rounds.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import type { Echo, Heartbeat, Peers, ShardHeartbeat } from '../ports/peers.js';
import type { Hashing, RecordAuth } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import { TransportUnavailable, type Transport } from '../ports/transport.js';
import { vectorOf, type RegionCursors } from '../read/region-cursors.js';
import type { Staleness } from '../read/staleness.js';
import { encodeAnnouncement } from './announcement.js';
import type { PolicyAgreement } from './policy-agreement.js';

export interface TellerParts {
  readonly processId: string;
  readonly log: EventLog;
  readonly peers: Peers;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timing: Timing;
  readonly auth: RecordAuth;
  readonly hashing: Hashing;
  readonly intake: Intake;
  readonly cursors: RegionCursors;
  readonly staleness: Staleness;
  readonly policyHashes: ReadonlyMap<string, string>;
  readonly agreement: Pick<PolicyAgreement, 'told'>;
  readonly guard: Pick<ClockGuard, 'told'>;
}

/** A process that has not been heard for so long is echoed no more: it will not come back under that name. */
const forgottenMillis = 60_000;

/**
 * Tells the other regions what is stored and folded here, and which of their heartbeats were heard before that was looked
 * at (PROTOCOL §6): on idle links too, for silence must mean something.
 */
export class Teller {
  private readonly heardOf = new Map<string, Omit<Echo, 'heldMillis'> & { readonly atMillis: number }>();
  private readonly rounds: Rounds;
  private announcing: Promise<void> | undefined;
  private announcedAtMillis = -Infinity;
  private number = 0;

  constructor(private readonly parts: TellerParts) {
    this.rounds = new Rounds(parts.clock, parts.timing.heartbeatMillis, () => this.round());
  }

  start(): void {
    this.rounds.start();
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  /** A heartbeat of a peer, from itself or passed on by a sibling. */
  heard({ region, process, number }: Heartbeat): void {
    const key = `${region} ${process}`;
    if (number <= (this.heardOf.get(key)?.number ?? 0)) return;
    this.heardOf.set(key, { region, process, number, atMillis: this.parts.clock.monotonicMillis() });
  }

  private async round(): Promise<void> {
    const { peers, staleness } = this.parts;
    const heartbeat = await this.heartbeat();
    if (!heartbeat) return;
    staleness.sending(heartbeat.number);
    for (const peer of peers.regions) peers.sendHeartbeat(peer, heartbeat);
    staleness.report(heartbeat.shards.map(({ shard }) => shard));
    this.announce(heartbeat);
  }

  /** What is echoed was heard before the state was read: who hears the echo may rely on that. */
  private async heartbeat(): Promise<Heartbeat | undefined> {
    const { log, processId: process, policyHashes, agreement, guard } = this.parts;
    const echoes = this.echoes();
    const shards = await this.ownShards();
    if (!shards) return undefined;
    this.number += 1;
    const { region, actor } = log.identity;
    const head = { region, actor, process, number: this.number };
    const compared = agreement.told();
    const wallMillis = guard.told();
    return {
      ...head,
      echoes,
      shards,
      policyHashes,
      compared,
      ...(wallMillis !== undefined && { wallMillis }),
    };
  }

  /** The database's truth about the shards that are surely still owned, read now. */
  private async ownShards(): Promise<readonly ShardHeartbeat[] | undefined> {
    const { intake, log, cursors } = this.parts;
    const claims = intake.owned().flatMap((shard) => {
      const state = intake.stateOf(shard);
      return state ? [{ shard, ownerEpoch: state.fence.ownerEpoch }] : [];
    });
    try {
      const [owned, { shards }] = await Promise.all([log.stillOwned(claims), cursors.reading()]);
      return owned.map((shard) => {
        const rows = shards.get(shard) ?? [];
        const stored = vectorOf(rows, 'stored');
        return {
          shard,
          stored,
          folded: vectorOf(rows, 'folded'),
          lastSeq: seqOf(stored, log.identity.actor),
        };
      });
    } catch (error) {
      if (error instanceof LogUnavailable || error instanceof CommitUnknown) return undefined;
      throw error;
    }
  }

  private echoes(): readonly Echo[] {
    const now = this.parts.clock.monotonicMillis();
    const echoes: Echo[] = [];
    for (const [key, { region, process, number, atMillis }] of this.heardOf) {
      if (now - atMillis > forgottenMillis) this.heardOf.delete(key);
      else echoes.push({ region, process, number, heldMillis: now - atMillis });
    }
    return echoes;
  }

  /** Nobody waits for it, and one at a time: a cluster that is slow or gone gets fewer of them. */
  private announce(heartbeat: Heartbeat): void {
    const { clock, timing, transport, hashing, auth } = this.parts;
    const now = clock.monotonicMillis();
    if (this.announcing || now - this.announcedAtMillis < timing.announceMillis) return;
    this.announcedAtMillis = now;
    const value = hashing.utf8(encodeAnnouncement(heartbeat));
    this.announcing = transport
      .announce(heartbeat.process, value, auth.sign(value))
      .catch((error: unknown) => {
        if (!(error instanceof TransportUnavailable)) throw error;
        this.parts.telemetry.count('announcements_failed_total');
      })
      .finally(() => (this.announcing = undefined));
  }
}
