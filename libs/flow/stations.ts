import { regionOf, sameDot } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { isMembership, membershipType } from '#core/strong/membership-record.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import { Admission } from './accept/admission.js';
import { BatchLoader } from './accept/batch-loader.js';
import { ClockGuard } from './accept/clock-guard.js';
import { Confirmations } from './accept/confirmations.js';
import { DependencyWatch } from './accept/dependency-watch.js';
import { EntityCache } from './accept/entity-cache.js';
import { HeldEvents } from './accept/held-events.js';
import { Executor } from './accept/executor.js';
import { Intake } from './accept/intake.js';
import { MutationHorizon } from './accept/mutation-horizon.js';
import { Ownership } from './accept/ownership.js';
import { Router } from './accept/router.js';
import { CursorWatch } from './accept/wake.js';
import { Publisher } from './publish/publisher.js';
import { FreshReads } from './read/fresh-reads.js';
import { Reader } from './read/reader.js';
import { RegionCursors, type CursorReading } from './read/region-cursors.js';
import { Sessions } from './read/sessions.js';
import { Staleness } from './read/staleness.js';
import { StatusReader } from './read/status-reader.js';
import { acksOf } from './receive/acks-of.js';
import { Positions } from './receive/positions.js';
import { Receiver } from './receive/receiver.js';
import type { WaitingRow } from './ports/event-log.js';
import { Expiry } from './rights/expiry.js';
import { FollowedEvents } from './read/followed-events.js';
import { buildRights } from './rights/build-rights.js';
import type { Reclaims } from './rights/reclaims.js';
import type { RightsDesk } from './rights/rights-desk.js';
import { RightsKnowledge } from './rights/rights-knowledge.js';
import { RightsOperators } from './rights/rights-operators.js';
import type { RegionPorts, RegionProcessConfig } from './region-ports.js';
import {
  buildStrong,
  hasStrongTypes,
  type StrongHearing,
  type StrongStations,
} from './strong/build-strong.js';
import { Members } from './strong/members.js';
import { StrongReads } from './strong/strong-reads.js';
import { StrongDesk } from './strong/strong-desk.js';
import { StrongService } from './strong/strong-service.js';
import { TypeOperators } from './strong/type-operators.js';
import { Janitor } from './repair/janitor.js';
import type { Command, WriteOutcome } from './service.js';
import { PolicyAgreement } from './repair/policy-agreement.js';
import { LinkTimes } from './repair/link-times.js';
import { Repairer } from './repair/repairer.js';
import { Teller } from './repair/teller.js';

/** The stations of one process, wired to each other. */
export interface Stations {
  readonly admission: Admission;
  readonly intake: Intake;
  readonly executor: Executor;
  readonly ownership: Ownership;
  readonly rights: RightsDesk;
  readonly expiry: Expiry;
  readonly followed: FollowedEvents;
  readonly reclaims: Reclaims;
  readonly operators: RightsOperators;
  readonly router: Router;
  readonly publisher: Publisher;
  readonly receiver: Receiver;
  readonly positions: Positions;
  readonly repairer: Repairer;
  readonly janitor: Janitor;
  readonly dependencies: DependencyWatch;
  readonly cursors: RegionCursors;
  readonly staleness: Staleness;
  readonly sessions: Sessions;
  readonly reader: Reader;
  readonly status: StatusReader;
  readonly watch: CursorWatch;
  readonly horizon: MutationHorizon;
  readonly guard: ClockGuard;
  readonly strong: StrongStations;
}

/** What stations of both directions share. */
interface Ground {
  readonly admission: Admission;
  readonly watch: CursorWatch;
  readonly cache: EntityCache;
  readonly held: HeldEvents;
  readonly intake: Intake;
  readonly agreement: PolicyAgreement;
  readonly horizon: MutationHorizon;
  readonly cursors: RegionCursors;
  readonly staleness: Staleness;
  readonly links: LinkTimes;
  readonly expiry: Expiry;
  readonly followed: FollowedEvents;
  readonly knowledge: RightsKnowledge;
  readonly guard: ClockGuard;
}

/** Builds all stations. Nothing runs before `start` of the process. */
export function buildStations(ports: RegionPorts, config: RegionProcessConfig): Stations {
  const { log, clock } = ports;
  const { timing, members, types } = config;
  const ownCommand = (command: Command, maxWaitMillis: number): Promise<WriteOutcome> =>
    router.submitOwn(command, { maxWaitMillis });
  const ground = buildGround(ports, config, {
    hurry: (shard) => moving.repairer.hurry(shard),
    stable: (shard) => moving.repairer.stable(shard),
    compared: (region) => moving.receiver.compared(region),
    ownCommand,
  });
  const handOver: HandOver = (shard, to) => service.handover(shard, to, false);
  const moving: Moving = buildMoving(ports, config, { ...ground, handOver });
  const readStrong: StrongService['read'] = (...asked) => service.read(...asked);
  const reading = buildReading(ports, config, ground, { ...moving, readStrong });
  const stable = moving.repairer.stable.bind(moving.repairer);
  const confirmations = new Confirmations({ ...ports, timing, members });
  const aboutRights = {
    ...ports,
    ...ground,
    ...{ identity: log.identity, members, types, timing, stable, confirmations },
    ...{ repairer: moving.repairer, questions: moving.strong.questions, submit: ownCommand },
    read: (entity: EntityRef) => reading.reader.committedState(entity),
  };
  const { reclaims, leased, rights } = buildRights(aboutRights);
  const desk = new StrongDesk({
    ...ports,
    ...ground,
    ...moving.strong,
    timing,
    types: withOwnTypes(types),
    decide: (shard, command, deadlineMillis) => router.decideHere(shard, command, deadlineMillis),
    cover: (dependencies, deadlineMillis) => ground.cursors.cover(dependencies, 'causal', deadlineMillis),
    valueOf: (entity) =>
      isMembership(entity) ? moving.strong.memberships.image() : reading.reader.afterImage(entity),
  });
  const owners = (): ReturnType<Ownership['owners']> => moving.ownership.owners();
  const atHome = { desk, reclaims, owners, timing };
  const service: StrongService = new StrongService({ ...ports, ...ground, ...moving.strong, ...atHome });
  const changing = { ...ports, ...ground, ...moving.strong, service, submit: ownCommand };
  const { shards } = log.identity;
  const aboutMembers = { regions: members, shards, hasStrongTypes: hasStrongTypes(types) };
  const strongMembers = new Members({ ...changing, ...aboutMembers });
  const operators = new RightsOperators({ ...aboutRights, askHere: service.askHere.bind(service) });
  const typeOperators = new TypeOperators({ ...changing, types, shards });
  const strong = { ...moving.strong, desk, service, members: strongMembers, types: typeOperators };
  const deciding = { confirmations, stable, rights, leased, reclaims, desk };
  const own = { ...config, types: withOwnTypes(types), ...deciding };
  const router: Router = new Router({ ...ports, ...ground, ...moving, ...reading, ...own });
  const positions = new Positions({ log, clock, timing });
  const janitor = new Janitor({ ...ports, ...ground, timing, stable });
  const status = new StatusReader({
    ...ports,
    ...ground,
    ...moving,
    ...reading,
    processId: config.processId,
  });
  const about = { rights, reclaims, operators, strong, router, positions, janitor, status };
  return { ...ground, ...moving, ...reading, ...about };
}

/** What is known of the region's own cursors, and how old that can be; both directions go by it. */
function buildGround(
  ports: RegionPorts,
  config: RegionProcessConfig,
  {
    hurry,
    stable,
    compared,
    ownCommand,
  }: Pick<ConstructorParameters<typeof RegionCursors>[0], 'hurry'> & {
    readonly stable: (shard: number) => VersionVector;
    /** What was held of a region goes on. */
    readonly compared: (region: string) => void;
    readonly ownCommand: (command: Command, maxWaitMillis: number) => Promise<WriteOutcome>;
  },
): Ground {
  const { log, clock, telemetry } = ports;
  const { limits, timing, members, processId, types } = config;
  const { region, actor } = log.identity;
  const watch = new CursorWatch(clock);
  const intake = new Intake(limits, clock);
  const admission = new Admission({ limits, intake, telemetry });
  const onReading = ({ beganMillis, shards }: CursorReading): void => {
    for (const [shard, rows] of shards) {
      const lastSeq = rows.find((row) => row.actor === actor)?.stored ?? 0;
      staleness.told(region, shard, { actor, lastSeq, sinceMillis: beganMillis });
    }
  };
  const cursors = new RegionCursors({ log, clock, timing, intake, watch, hurry, onReading });
  const seqOf = cursors.seqOf.bind(cursors);
  const links = new LinkTimes(telemetry);
  const staleness = new Staleness({ clock, telemetry, links, processId, region, members, seqOf });
  const cache = new EntityCache({ bytesMax: limits.cacheBytesMax, types: withOwnTypes(types), stable });
  const held = new HeldEvents(limits.heldEventsBytesMax);
  const agreement = new PolicyAgreement({
    ...{ own: config.policyHashes, regions: ports.peers.regions, telemetry },
    graceMillis: timing.policyGraceMillis,
    onCompared: (from) => {
      compared(from);
      for (const shard of intake.owned())
        for (const entity of intake.stateOf(shard)?.waiting.ofRegion(from) ?? [])
          intake.replay(shard, entity);
    },
  });
  const horizon = new MutationHorizon();
  const expiry = new Expiry({ ...ports, types, intake, submit: ownCommand });
  const followed = new FollowedEvents(limits.feedRingBytesMax);
  const knowledge = new RightsKnowledge({ clock, staleness, region, members });
  const guard = new ClockGuard({ log, clock, telemetry, timing });
  const known = { agreement, cursors, staleness, links, horizon, knowledge, guard };
  return { admission, watch, cache, held, intake, ...known, expiry, followed };
}

type HandOver = (shard: number, to: string) => Promise<unknown>;
type MovingGround = Ground & { readonly handOver: HandOver };

type Moving = Pick<
  Stations,
  'executor' | 'ownership' | 'publisher' | 'receiver' | 'repairer' | 'dependencies'
> & {
  readonly strong: StrongHearing;
};

/** Stations 1 to 5 and 7: what happens to a shard while it is owned is told to all of them, after its commit. */
function buildMoving(ports: RegionPorts, config: RegionProcessConfig, ground: MovingGround): Moving {
  const { log, clock, telemetry } = ports;
  const { limits, timing, members } = config;
  const { watch, cache, held, intake, agreement, cursors, staleness, expiry, followed } = ground;
  const process = { id: config.processId, address: config.address };
  const { loader, dependencies } = buildDeciding(ports, config, ground, () => repairer);
  const publisher = new Publisher({
    ...ports,
    ...{ limits, timing, clusters: members },
    storedThere: (region) => repairer.storedThere(region),
  });
  const receiver: Receiver = new Receiver({
    ...ports,
    identity: log.identity,
    ...{ members, intake, limits, types: config.types },
    isRefused: (region, type) => agreement.isRefused(region, type),
    isCompared: (actor) => agreement.isCompared(actor),
    onGap: (shard, actor, upTo) => repairer.noteGap(shard, actor, upTo),
  });
  const executor: Executor = new Executor({
    ...{ log, clock, telemetry, loader },
    ...{ cache, held, intake, timing },
    links: ground.links,
    listener: {
      committed: (state, own, received, waiting) => {
        publisher.committed(state, own);
        followed.committed(state.shard, [...own, ...received]);
        dependencies.moved(state, waiting);
        expiry.committed(own);
        for (const ack of acksOf(state.shard, received)) ports.peers.sendAck(regionOf(ack.actor), ack);
        watch.moved();
      },
      strong: (state) => strong.committed(state),
      lost: (shard) => {
        const stations = [publisher, followed, receiver, repairer, dependencies, expiry, strong.homes];
        for (const station of stations) station.lost(shard);
        staleness.forget(shard);
        watch.moved();
      },
    },
  });
  const ownership: Ownership = new Ownership({
    ...{ process, members, horizon: ground.horizon },
    log,
    clock,
    telemetry,
    timing,
    intake,
    executor,
    owned: (state, image) => {
      intake.own(state);
      staleness.forget(state.shard);
      receiver.own(state);
      publisher.own(state, image.marks);
      expiry.own();
      replayParked(intake, state.shard, image.waiting);
      dependencies.moved(state, image.waiting);
      strong.own(state);
      watch.moved();
    },
  });
  const owners = (): ReturnType<Ownership['owners']> => ownership.owners();
  const { policyHashes, processId } = config;
  const told = { ...ports, processId, timing, intake, staleness, guard: ground.guard };
  const teller = new Teller({ ...told, cursors, policyHashes, agreement });
  const repairer: Repairer = new Repairer({ ...told, teller, limits, receiver, agreement, owners });
  const wants = repairer.wants.bind(repairer);
  const strong = buildStrong(ports, config, { ...ground, owners, wants });
  return { executor, ownership, publisher, receiver, repairer, dependencies, strong };
}

/** What a batch is decided with, besides its shard: cursors of all shards, and what is read from the log. */
function buildDeciding(
  ports: RegionPorts,
  { limits, timing, types, members }: RegionProcessConfig,
  ground: Ground,
  repairer: () => Repairer,
): Pick<Stations, 'dependencies'> & { readonly loader: BatchLoader } {
  const { cache, intake, agreement, horizon, cursors, guard } = ground;
  const loader = new BatchLoader({
    ...ports,
    cache,
    held: ground.held,
    types: withOwnTypes(types),
    limits,
    guard,
    horizon,
    isRefused: (region, type) => agreement.isRefused(region, type),
    isCompared: (actor) => agreement.isCompared(actor),
    causal: (shard) => cursors.vector(shard, 'causal'),
    stable: (shard) => repairer().stable(shard),
    actorOf: (region) => repairer().actorOf(region),
    members,
    rights: ground.knowledge,
  });
  const dependencies = new DependencyWatch({
    intake,
    cursors,
    timing,
    missing: (shard, dot, region) => repairer().noteDependency(shard, dot, region),
  });
  return { loader, dependencies };
}

/** Beside the declared types those of the service itself, which no client can name. */
function withOwnTypes(types: EntityTypes): EntityTypes {
  return new Map([...types, [membershipType.name, membershipType]]);
}

/**
 * What was parked may be foldable now: this process may know more than the last owner did. So may be what was held back
 * because the last owner did not know the policies of its region: it waits for itself.
 */
function replayParked(intake: Intake, shard: number, waiting: readonly WaitingRow[]): void {
  const parked = waiting.filter(
    ({ state, dot, waitsFor }) => state === 'parked' || (waitsFor !== undefined && sameDot(dot, waitsFor)),
  );
  const quarantined = new Map(parked.map(({ entity }) => [entityKey(entity), entity]));
  for (const entity of quarantined.values()) intake.replay(shard, entity);
}

type Reading = Pick<Stations, 'sessions' | 'reader'>;

/** Station 6, and the tokens that say how fresh an answer must be. */
function buildReading(
  ports: RegionPorts,
  config: RegionProcessConfig,
  ground: Ground,
  moving: Moving & { readonly readStrong: StrongService['read'] },
): Reading {
  const { log, hashing, auth } = ports;
  const { limits, timing, members, types } = config;
  const { region, shards } = log.identity;
  const stable = moving.repairer.stable.bind(moving.repairer);
  const { cursors } = ground;
  const allCursors = (): SessionCursors => cursors.all('stored');
  const sessions = new Sessions({ region, members, shards, auth, hashing, limits, stable, allCursors });
  const shown = moving.repairer.shown.bind(moving.repairer);
  const doubt = (): void => moving.ownership.refresh();
  const fresh = new FreshReads({ ...ports, ...ground, timing, members, shown, doubt });
  const strongReads = new StrongReads({ readStrong: moving.readStrong, sessions });
  const reader = new Reader({ ...ports, ...ground, types, sessions, fresh, stable, strongReads });
  return { sessions, reader };
}
