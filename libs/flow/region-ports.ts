import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Memberships } from '#core/strong/membership.js';
import type { Limits, Timing } from './limits.js';
import type { Clock } from './ports/clock.js';
import type { EventLog } from './ports/event-log.js';
import type { Peers, Siblings } from './ports/peers.js';
import type { Hashing, Random, RecordAuth } from './ports/record-auth.js';
import type { Telemetry } from './ports/telemetry.js';
import type { Transport } from './ports/transport.js';

/** What a region process reaches the world through. */
export interface RegionPorts {
  readonly log: EventLog;
  readonly transport: Transport;
  readonly peers: Peers;
  readonly siblings: Siblings;
  readonly auth: RecordAuth;
  readonly hashing: Hashing;
  readonly random: Random;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface RegionProcessConfig {
  /** Unique among the processes of the region, and new at every start. */
  readonly processId: string;
  /** Where siblings reach this process. */
  readonly address: string;
  readonly types: EntityTypes;
  readonly policyHashes: ReadonlyMap<string, string>;
  /** All regions, the own one too. */
  readonly members: readonly string[];
  /** Who decides in strong shards until a change is decided: the same in every region, for ever. Absent: all regions. */
  readonly strongMembers?: Memberships;
  readonly limits: Limits;
  readonly timing: Timing;
}
