import { BatchLoader } from './accept/batch-loader.js';
import { EntityCache } from './accept/entity-cache.js';
import { Executor } from './accept/executor.js';
import { Intake } from './accept/intake.js';
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
import type { RegionPorts, RegionProcessConfig } from './region-process.js';
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
}

/** Builds all stations. Nothing runs before `start` of the process. */
export function buildStations(ports: RegionPorts, config: RegionProcessConfig): Stations {
  const { log, transport, peers, siblings, auth, hashing, random, clock, telemetry } = ports;
  const { limits, timing, types, members, policyHashes } = config;
  const { identity } = log;
  const process = { id: config.processId, address: config.address };
  const watch = new CursorWatch(clock);
  const cache = new EntityCache(limits.cacheBytesMax);
  const intake = new Intake(limits, clock);
  const agreement = new PolicyAgreement(policyHashes, telemetry);
  const loader = new BatchLoader({
    log,
    hashing,
    clock,
    cache,
    types,
    limits,
    isRefused: (region, type) => agreement.isRefused(region, type),
  });
  const publisher = new Publisher({
    log,
    transport,
    auth,
    clock,
    telemetry,
    limits,
    timing,
    clusters: members,
  });
  const receiver: Receiver = new Receiver({
    identity,
    members,
    intake,
    auth,
    hashing,
    telemetry,
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
        publisher.lost(shard);
        receiver.lost(shard);
        repairer.lost(shard);
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
      for (const { entity } of image.waiting.filter(({ state: how }) => how === 'parked')) {
        intake.replay(state.shard, entity);
      }
      watch.moved();
    },
  });
  const repairer: Repairer = new Repairer({
    processId: process.id,
    log,
    peers,
    siblings,
    transport,
    clock,
    telemetry,
    limits,
    timing,
    intake,
    receiver,
    agreement,
    policyHashes,
    owners: () => ownership.owners(),
  });
  const stable = repairer.stable.bind(repairer);
  const cursors = new RegionCursors({ log, clock, timing, intake, watch, hurry: () => repairer.hurry() });
  const sessions = new Sessions({
    region: identity.region,
    members,
    shards: identity.shards,
    auth,
    hashing,
    limits,
    stable,
    allCursors: () => cursors.all('stored'),
  });
  const reader = new Reader({ log, clock, hashing, types, cache, intake, watch, cursors, sessions, stable });
  const routerParts = {
    log,
    clock,
    timing,
    telemetry,
    hashing,
    random,
    siblings,
    intake,
    ownership,
    cursors,
    sessions,
    watch,
  };
  const router = new Router(routerParts);
  const positions = new Positions({ log, clock, timing });
  const janitor = new Janitor({
    log,
    clock,
    telemetry,
    timing,
    intake,
    stable,
    raised: (millis) => router.raiseHorizon(millis),
  });
  const status = new StatusReader({
    log,
    transport,
    telemetry,
    intake,
    publisher,
    repairer,
    agreement,
    cursors,
    peers,
    processId: process.id,
  });
  return {
    intake,
    executor,
    ownership,
    router,
    publisher,
    receiver,
    positions,
    repairer,
    janitor,
    cursors,
    sessions,
    reader,
    status,
    watch,
  };
}
