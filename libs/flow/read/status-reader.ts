import type { Admission } from '../accept/admission.js';
import type { ClockGuard } from '../accept/clock-guard.js';
import type { Intake } from '../accept/intake.js';
import type { EventLog } from '../ports/event-log.js';
import type { Peers } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Transport } from '../ports/transport.js';
import type { Publisher } from '../publish/publisher.js';
import type { PolicyAgreement } from '../repair/policy-agreement.js';
import type { Repairer } from '../repair/repairer.js';
import type { LinkStatus, ServiceStatus } from '../service.js';
import type { RegionCursors } from './region-cursors.js';

export interface StatusReaderParts {
  readonly processId: string;
  readonly log: EventLog;
  readonly transport: Transport;
  readonly telemetry: Telemetry;
  readonly peers: Peers;
  readonly intake: Intake;
  readonly publisher: Publisher;
  readonly repairer: Repairer;
  readonly agreement: PolicyAgreement;
  readonly guard: Pick<ClockGuard, 'reading'>;
  readonly cursors: RegionCursors;
  readonly admission: Pick<Admission, 'underWay'>;
}

/** What an operator asks first: who owns what, who is behind whom, what waits. */
export class StatusReader {
  constructor(private readonly parts: StatusReaderParts) {}

  async read(): Promise<ServiceStatus> {
    const { log, intake, admission, transport, cursors, telemetry, processId } = this.parts;
    // First, for it needs no database.
    const { requests, bytes, commands } = admission.underWay;
    telemetry.gauge('requests_in_flight', requests);
    telemetry.gauge('request_bytes_in_flight', bytes);
    telemetry.gauge('commands_in_flight', commands);
    telemetry.gauge('command_queue', intake.depths.commands);
    telemetry.gauge('apply_queue_bytes', intake.depths.eventBytes);
    await cursors.readOthers(0);
    const { region, actor, shards } = log.identity;
    const owned = intake.owned();
    let pending = 0;
    let parked = 0;
    for (const shard of owned) {
      const waiting = intake.stateOf(shard)?.waiting;
      pending += waiting?.pending ?? 0;
      parked += waiting?.parked ?? 0;
    }
    telemetry.gauge('pending_events', pending);
    telemetry.gauge('parked_events', parked);
    return {
      region,
      actor,
      process: processId,
      shards,
      owned,
      isolated: !transport.isConnected(),
      clock: this.clock(),
      pending,
      parked,
      links: this.parts.peers.regions.map((peer) => this.link(peer)),
      cursors: this.cursorMap(shards),
    };
  }

  private clock(): ServiceStatus['clock'] {
    const { isTrusted, disagreements } = this.parts.guard.reading();
    return { isTrusted, disagreements };
  }

  private link(region: string): LinkStatus {
    const { repairer, publisher, agreement } = this.parts;
    const { heardMillisAgo, behindHere, behindThere } = repairer.sight(region);
    return {
      region,
      lastHeartbeatMillisAgo: heardMillisAgo,
      behindHere,
      behindThere,
      publishBacklog: publisher.backlog(region),
      refusedTypes: agreement.refusedBy(region),
    };
  }

  private cursorMap(shards: number): ServiceStatus['cursors'] {
    const map = new Map<number, Map<string, { readonly stored: number; readonly folded: number }>>();
    for (let shard = 0; shard < shards; shard += 1) {
      const stored = this.parts.cursors.vector(shard, 'stored');
      const folded = this.parts.cursors.vector(shard, 'folded');
      map.set(
        shard,
        new Map([...stored].map(([actor, seq]) => [actor, { stored: seq, folded: folded.get(actor) ?? 0 }])),
      );
    }
    return map;
  }
}
