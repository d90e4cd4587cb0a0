import type { VersionVector } from '#core/causality/version-vector.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import { entityKey } from '#core/event/shard-of.js';
import { BatchLoader } from './accept/batch-loader.js';
import { EntityCache } from './accept/entity-cache.js';
import { Executor } from './accept/executor.js';
import { Intake } from './accept/intake.js';
import { MutationHorizon } from './accept/mutation-horizon.js';
import { Ownership } from './accept/ownership.js';
import { Router } from './accept/router.js';
import { CursorWatch } from './accept/wake.js';
import { Publisher } from './publish/publisher.js';
import { Reader } from './read/reader.js';
import { RegionCursors } from './read/region-cursors.js';
import { Sessions } from './read/sessions.js';
import { StatusReader } from './read/status-reader.js';
import { Positions } from './receive/positions.js';
import { Receiver } from './receive/receiver.js';
import type { RegionPorts, RegionProcessConfig } from './region-ports.js';
import { Janitor } from './repair/janitor.js';
import { PolicyAgreement } from './repair/policy-agreement.js';
import { Repairer } from './repair/repairer.js';

/** The stations of one process, wired to each other. */
export interface Stations {
  readonly intake: Intake;
  readonly executor: Executor;
  readonly ownership: Ownership;
  readonly router: Router;
  readonly publisher: Publisher;
  readonly receiver: Receiver;
  readonly positions: Positions;
  readonly repairer: Repairer;
  readonly janitor: Janitor;
  readonly cursors: RegionCursors;
  readonly sessions: Sessions;
  readonly reader: Reader;
  readonly status: StatusReader;
  readonly watch: CursorWatch;
  readonly horizon: MutationHorizon;
}

/** What stations of both directions share. */
interface Ground {
  readonly watch: CursorWatch;
  readonly cache: EntityCache;
  readonly intake: Intake;
  readonly agreement: PolicyAgreement;
  readonly horizon: MutationHorizon;
}

/** Builds all stations. Nothing runs before `start` of the process. */
export function buildStations(ports: RegionPorts, config: RegionProcessConfig): Stations {
  const { log, clock, telemetry } = ports;
  const { limits, timing } = config;
  const ground: Ground = {
    watch: new CursorWatch(clock),
    cache: new EntityCache(limits.cacheBytesMax),
    intake: new Intake(limits, clock),
    agreement: new PolicyAgreement(config.policyHashes, telemetry),
    horizon: new MutationHorizon(),
  };
  const moving = buildMoving(ports, config, ground);
  const reading = buildReading(ports, config, ground, moving);
  const router = new Router({ ...ports, ...ground, ...moving, ...reading, timing });
  const positions = new Positions({ log, clock, timing });
  const janitor = new Janitor({
    log,
    clock,
    telemetry,
    timing,
    intake: ground.intake,
    stable: (shard) => moving.repairer.stable(shard),
    horizon: ground.horizon,
  });
  const status = new StatusReader({
    ...ports,
    ...ground,
    ...moving,
    ...reading,
    processId: config.processId,
  });
  return { ...ground, ...moving, ...reading, router, positions, janitor, status };
}

type Moving = Pick<Stations, 'executor' | 'ownership' | 'publisher' | 'receiver' | 'repairer'>;

/** Stations 1 to 5 and 7: what happens to a shard while it is owned is told to all of them, after its commit. */
function buildMoving(ports: RegionPorts, config: RegionProcessConfig, ground: Ground): Moving {
  const { log, clock, telemetry } = ports;
  const { limits, timing, members, types } = config;
  const { watch, cache, intake, agreement, horizon } = ground;
  const process = { id: config.processId, address: config.address };
  const isRefused = (region: string, type: string): boolean => agreement.isRefused(region, type);
  const stable = (shard: number): VersionVector => repairer.stable(shard);
  const loader = new BatchLoader({ ...ports, cache, types, limits, isRefused, stable, horizon });
  const publisher = new Publisher({ ...ports, limits, timing, clusters: members });
  const receiver: Receiver = new Receiver({
    ...ports,
    identity: log.identity,
    members,
    intake,
    limits,
    onGap: (shard, actor, upTo) => repairer.noteGap(shard, actor, upTo),
  });
  const executor: Executor = new Executor({
    log,
    clock,
    telemetry,
    loader,
    cache,
    intake,
    timing,
    listener: {
      committed: (state, own) => {
        publisher.committed(state, own);
        watch.moved();
      },
      lost: (shard) => {
        for (const station of [publisher, receiver, repairer]) station.lost(shard);
        watch.moved();
      },
    },
  });
  const ownership: Ownership = new Ownership({
    process,
    log,
    clock,
    telemetry,
    timing,
    intake,
    executor,
    owned: (state, image) => {
      intake.own(state);
      receiver.own(state);
      publisher.own(state, image.marks);
      const parked = image.waiting.filter(({ state: how }) => how === 'parked');
      const quarantined = new Map(parked.map(({ entity }) => [entityKey(entity), entity]));
      for (const entity of quarantined.values()) intake.replay(state.shard, entity);
      watch.moved();
    },
  });
  const owners = (): ReturnType<Ownership['owners']> => ownership.owners();
  const { policyHashes } = config;
  const repairer: Repairer = new Repairer({
    ...ports,
    processId: process.id,
    limits,
    timing,
    intake,
    receiver,
    agreement,
    policyHashes,
    owners,
  });
  return { executor, ownership, publisher, receiver, repairer };
}

type Reading = Pick<Stations, 'cursors' | 'sessions' | 'reader'>;

/** Station 6, and the tokens that say how fresh an answer must be. */
function buildReading(
  ports: RegionPorts,
  config: RegionProcessConfig,
  ground: Ground,
  moving: Moving,
): Reading {
  const { log, clock, hashing, auth } = ports;
  const { limits, timing, members, types } = config;
  const { region, shards } = log.identity;
  const stable = moving.repairer.stable.bind(moving.repairer);
  const hurry = (): void => moving.repairer.hurry();
  const cursors = new RegionCursors({ ...ground, log, clock, timing, hurry });
  const allCursors = (): SessionCursors => cursors.all('stored');
  const sessions = new Sessions({ region, members, shards, auth, hashing, limits, stable, allCursors });
  const reader = new Reader({ ...ground, log, clock, hashing, types, cursors, sessions, stable });
  return { cursors, sessions, reader };
}
