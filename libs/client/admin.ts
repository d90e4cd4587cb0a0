import type { RegionClient } from './region-client.js';

/** What operators are answered under /v1/admin, as far as the command line shows it. */

export interface Topology {
  readonly region: string;
  readonly actor: string;
  readonly process: string;
  readonly members: readonly string[];
  readonly shards: number;
  readonly owned: readonly number[];
  readonly ready: boolean;
  readonly isolated: boolean;
  /** While it is not trusted, the process takes no writes: against whom it is off, and by how much; below 0: behind. */
  readonly clock: {
    readonly isTrusted: boolean;
    readonly disagreements: readonly { readonly witness: string; readonly aheadMillis: number }[];
  };
  readonly pending: number;
  readonly parked: number;
}

export interface LinkInfo {
  readonly region: string;
  readonly lastHeartbeatMillisAgo: number | null;
  /** Events stored there and not here, by the last heartbeats, and the other way round. */
  readonly behindHere: number;
  readonly behindThere: number;
  readonly publishBacklog: number;
  readonly refusedTypes: readonly string[];
}

export interface ShardInfo {
  readonly shard: number;
  readonly owner: string;
  readonly leaseRemainingMillis: number;
  /** Of strong entities: where operations go, if the process that was asked knows; and its epoch, '' for none. */
  readonly home: string | null;
  readonly epoch: string;
  /** Per actor. */
  readonly cursors: Readonly<Record<string, { readonly stored: number; readonly folded: number }>>;
}

export interface WaitingEvent {
  readonly dot: string;
  readonly type: string;
  readonly id: string;
  readonly state: 'pending' | 'parked';
  readonly waitsFor: string | null;
  readonly reason: string | null;
}

export function readTopology(region: RegionClient): Promise<Topology> {
  return region.get<Topology>('/v1/admin/topology');
}

export async function readLinks(region: RegionClient): Promise<readonly LinkInfo[]> {
  return (await region.get<{ readonly links: readonly LinkInfo[] }>('/v1/admin/links')).links;
}

export async function readShards(region: RegionClient): Promise<readonly ShardInfo[]> {
  return (await region.get<{ readonly shards: readonly ShardInfo[] }>('/v1/admin/shards')).shards;
}

export async function readQuarantine(region: RegionClient): Promise<readonly WaitingEvent[]> {
  return (await region.get<{ readonly events: readonly WaitingEvent[] }>('/v1/admin/quarantine?limit=1000'))
    .events;
}

/** A strong event that a new home left out. */
export interface RefusedEvent {
  readonly dot: string;
  readonly type: string;
  readonly id: string;
  readonly epoch: string;
  readonly mutationId: string;
}

export async function readRefused(region: RegionClient): Promise<readonly RefusedEvent[]> {
  return (await region.get<{ readonly events: readonly RefusedEvent[] }>('/v1/admin/refused?limit=1000'))
    .events;
}

/** Which region is the home of a shard now, and since which epoch. */
export interface HandedOver {
  readonly shard: number;
  /** `false`: a dry run, and home and epoch are as they are. */
  readonly applied: boolean;
  readonly home: string | null;
  readonly epoch: string;
}

/**
 * Makes a region the home of a shard. Planned: the home stops first, with everything it has taken decided. Forced: for a
 * home that does not answer; what it had taken and no majority held is listed as refused.
 */
export function handOver(
  region: RegionClient,
  asked: {
    readonly shard: number;
    readonly to: string;
    readonly force: boolean;
    /** Only what there is to hand over is told. */
    readonly dryRun?: boolean;
  },
): Promise<HandedOver> {
  const { shard, to, force, dryRun = false } = asked;
  return region.post<HandedOver>(`/v1/admin/shards/${shard}/handover`, { to, force, dryRun });
}

/** Who decides in strong shards, by the number of the decision. */
export interface Membership {
  readonly number: number;
  readonly members: readonly { readonly region: string; readonly witness: boolean }[];
}

export interface StrongMembers extends Membership {
  readonly former: readonly { readonly region: string; readonly until: number; readonly retired: boolean }[];
  readonly shards: readonly {
    readonly shard: number;
    readonly home: string | null;
    readonly promised: string;
    readonly decided: string;
  }[];
}

export interface MembersChanged {
  readonly applied: boolean;
  readonly before: Membership;
  readonly after: Membership;
}

export function readMembers(region: RegionClient): Promise<StrongMembers> {
  return region.get<StrongMembers>('/v1/admin/members');
}

/** Adds a region to those who decide in strong shards, or removes one. */
export function changeMembers(
  region: RegionClient,
  change: {
    readonly change: 'add' | 'remove';
    readonly region: string;
    readonly witness?: boolean;
    readonly stopped?: boolean;
    readonly dryRun: boolean;
  },
  maxWaitMillis = 20_000,
): Promise<MembersChanged> {
  return region.post<MembersChanged>('/v1/admin/members', change, { maxWaitMillis });
}

export type Consistency = 'strong' | 'eventual';

/** How a type is written in one shard. */
export interface ShardMode {
  readonly shard: number;
  /** `closing`: on its way to strong. `unknown`: its owner did not answer. */
  readonly mode: Consistency | 'closing' | 'unknown';
  readonly phase: number;
  readonly closed: readonly string[];
  /** Code: why the move could not be begun there in time. */
  readonly failure: string | null;
}

export interface TypeStanding {
  readonly types: readonly {
    readonly type: string;
    readonly declared: Consistency;
    readonly shards: readonly ShardMode[];
  }[];
}

export interface TypeMoved {
  readonly type: string;
  /** What it is to be in all shards. */
  readonly goal: Consistency;
  readonly applied: boolean;
  readonly done: boolean;
  readonly shards: readonly ShardMode[];
}

export function readTypes(region: RegionClient): Promise<TypeStanding> {
  return region.get<TypeStanding>('/v1/admin/types');
}

/** Moves a type between strong and eventual, or takes such a move back. */
export function moveType(
  region: RegionClient,
  {
    type,
    ...move
  }: {
    readonly type: string;
    readonly to: Consistency;
    readonly abort: boolean;
    readonly dryRun: boolean;
  },
  maxWaitMillis = 20_000,
): Promise<TypeMoved> {
  return region.post<TypeMoved>(`/v1/admin/types/${encodeURIComponent(type)}/move`, move, { maxWaitMillis });
}

export interface RightsRun {
  /** `false`: a dry run. */
  readonly applied: boolean;
  /** Counters with such rights; a request works on the first of them. */
  readonly found: number;
  readonly counters: readonly {
    readonly type: string;
    readonly id: string;
    readonly actor: string;
    readonly spend: number;
    readonly increment: number;
    readonly done: boolean;
  }[];
}

/** The region's rights to bounded counters go to another one: before it is taken down. */
export function drainRights(
  region: RegionClient,
  asked: { readonly to: string; readonly dryRun: boolean },
): Promise<RightsRun> {
  return region.post<RightsRun>('/v1/admin/rights/drain', asked);
}

/** The rights of a region come to the one that is asked. It states that the other's database is destroyed. */
export function reclaimRights(
  region: RegionClient,
  asked: { readonly from: string; readonly dryRun: boolean },
): Promise<RightsRun> {
  return region.post<RightsRun>('/v1/admin/rights/reclaim', { ...asked, databaseIsDestroyed: true });
}
