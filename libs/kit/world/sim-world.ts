import { assert } from '#core/assert.js';
import { dotKey, regionOf } from '#core/causality/dot.js';
import { driftMillisMax } from '#core/causality/hybrid-timestamp.js';
import { decodeVector, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { Json } from '#core/json.js';
import { isOfTheLog } from '#core/strong/opening-event.js';
import { parseJson } from '#core/parse-json.js';
import { timingDefault, type Timing } from '#flow/limits.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import type { WriteOutcome } from '#flow/service.js';
import { kitHashing } from '../memory/memory-auth.js';
import { MemoryClusters } from '../memory/memory-clusters.js';
import { MemoryDatabase } from '../memory/memory-database.js';
import { MemoryNetwork } from '../memory/memory-peers.js';
import { MemoryTelemetry } from '../memory/memory-telemetry.js';
import { CausalOracle, type KnownEvent } from './causal-oracle.js';
import type { SeededRandom } from './seeded-random.js';
import { BrokenInvariant, CommitChecks } from './sim-checks.js';
import { PromiseChecks } from './sim-promises.js';
import { SimClock } from './sim-clock.js';
import { SimLinks } from './sim-links.js';
import { noCommitFaults, type SimDatabase } from './sim-log.js';
import { SimProcess } from './sim-process.js';
import { lookAtGroups } from './sim-group-checks.js';
import { StrongChecks } from './sim-strong-checks.js';
import { earlierTypes, heldTypes, simTypes, tornType } from './sim-types.js';

/** Short times, so that a run of seconds has many leases, heartbeats and retries. */
const simTiming: Timing = {
  ...timingDefault,
  leaseMillis: 800,
  renewMillis: 200,
  heartbeatMillis: 100,
  gapPatienceMillis: 120,
  carriedPatienceMillis: 1_000,
  marksSaveMillis: 300,
  electionMillis: 400,
  strongAskMillisMax: 300,
  // Nobody is gone for ever here: the policies of every region are heard in the end.
  policyGraceMillis: 3_600_000,
};

/** How long a killed process stays away before another life of it starts, in milliseconds. */
const restartMillisMax = 1_500;

export const simShards = 4;

/** Several regions in one simulated world, with everything that may go wrong drawn from one seed. */
export class SimWorld {
  readonly clock = new SimClock();
  readonly links: SimLinks;
  readonly clusters: MemoryClusters;
  readonly databases = new Map<string, SimDatabase>();
  readonly telemetry = new MemoryTelemetry();
  readonly trace: string[] = [];
  readonly promises = new PromiseChecks(this);
  readonly shards = simShards;
  /** The region that knows all types from the start. */
  readonly upgradedRegion: string;
  failure: Error | undefined;
  private readonly network: MemoryNetwork;
  private readonly processes = new Map<string, SimProcess>();
  private readonly checks = new CommitChecks(heldTypes);
  private readonly strong: StrongChecks;
  readonly oracle = new CausalOracle();
  /** How often an event had to wait for a dependency. */
  dependencyWaits = 0;
  private births = 0;
  private lives = 0;
  private upgraded = false;
  /**
   * What a region has ever parked: it holds nothing up, and whoever looked at the cursors meanwhile goes by that, also when
   * it waits again.
   */
  private readonly parked = new Set<string>();
  /** Record fates, drawn per record while the weather is bad. */
  recordLoss = 0;
  recordRepeat = 0;
  restarts = true;

  constructor(
    readonly regions: readonly string[],
    private readonly random: SeededRandom,
    /** By how much clocks may run too fast or too slow, as a part of the time. */
    private readonly driftPart = 0,
  ) {
    const [first] = regions;
    assert(first !== undefined, 'a world has regions');
    this.upgradedRegion = first;
    const databases = (): readonly MemoryDatabase[] =>
      [...this.databases.values()].map(({ memory }) => memory);
    this.strong = new StrongChecks(heldTypes, databases, regions);
    this.links = new SimLinks(random.branch('links'));
    const fate = random.branch('records');
    this.clusters = new MemoryClusters({
      regions,
      shards: simShards,
      clock: this.clock,
      links: this.links,
      requestTimeoutMillis: 700,
      copies: () => (fate.chance(this.recordLoss) ? 0 : fate.chance(this.recordRepeat) ? 2 : 1),
    });
    this.network = new MemoryNetwork({
      regions,
      clock: this.clock,
      links: this.links,
      callTimeoutMillis: 900,
    });
    for (const region of regions) this.databases.set(region, this.databaseOf(region));
  }

  /** One process per region, and two in the first. */
  async start(): Promise<void> {
    for (const region of this.regions) this.spawn(`${region}-a`, region);
    this.spawn(`${this.upgradedRegion}-b`, this.upgradedRegion);
    await this.step(() => [...this.processes.values()].every(({ life }) => life.isAlive), 1_000);
  }

  /** Moves time on until the condition holds. @throws what broke, if anything did */
  async step(condition: () => boolean, millisMax: number): Promise<boolean> {
    const held = await this.clock.runUntil(() => this.failure !== undefined || condition(), millisMax);
    if (this.failure) throw this.failure;
    return held;
  }

  note(line: string): void {
    this.trace.push(`${this.clock.monotonicMillis().toFixed(3).padStart(11)} ${line}`);
  }

  pause(millis: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(millis, resolve));
  }

  /** The promise's value, or `undefined` when the caller's patience ends first. */
  within<T>(promise: Promise<T>, millis: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(millis, () => resolve(undefined));
      promise.then(resolve, reject).finally(cancel);
    });
  }

  mutationId(region: string): string {
    const birth = this.clock.wallMillis().toString(16).padStart(12, '0');
    this.births += 1;
    return `${region}.${birth.slice(0, 8)}-${birth.slice(8)}-7000-8000-${this.births.toString(16).padStart(12, '0')}`;
  }

  /** How often other regions came to decide in strong shards. */
  get membersChanged(): number {
    return this.strong.known.length - 1;
  }

  process(id: string): SimProcess | undefined {
    return this.processes.get(id);
  }

  processIds(): readonly string[] {
    return [...this.processes.keys()];
  }

  /** A process of the region that lives, as a load balancer would pick it. */
  anyProcess(region: string): SimProcess | undefined {
    const living = [...this.processes.values()].filter((one) => one.region === region && one.life.isAlive);
    return living.length === 0 ? undefined : this.random.pick(living);
  }

  /** From now on every process that starts knows all types. */
  upgrade(): void {
    this.upgraded = true;
  }

  spawn(id: string, region: string): void {
    this.lives += 1;
    const database = this.databases.get(region);
    assert(database !== undefined, `${region} has a database`);
    const process = new SimProcess({
      id: `${id}.${this.lives}`,
      region,
      regions: this.regions,
      address: `${id}.${this.lives}`,
      types: this.upgraded || region === this.upgradedRegion ? simTypes : earlierTypes,
      policyHashes: new Map([[tornType, this.policyHashOf(region)]]),
      clock: this.clock,
      skewMillis: this.random.between(-40, 40),
      originMillis: this.random.between(0, 1_000_000),
      rate: this.driftPart === 0 ? 1 : 1 + (2 * this.random.fraction() - 1) * this.driftPart,
      database,
      clusters: this.clusters,
      network: this.network,
      telemetry: this.telemetry,
      timing: simTiming,
      mutationId: (born) => this.mutationId(born),
      onAck: (ack) => this.promises.acked(region, ack),
      fraction: () => this.random.fraction(),
      onCrash: () => this.crashed(id, region),
    });
    this.processes.set(id, process);
    this.note(`start ${id}`);
    process.service.start().catch((error: unknown) => this.failed(error, process));
  }

  /** Another life begins a while after a crash; at once a start that met a dead database tries again. */
  private crashed(id: string, region: string): void {
    this.note(`crash ${id}`);
    if (!this.restarts) return;
    this.clock.after(this.random.between(50, restartMillisMax), () => {
      if (!this.processes.get(id)?.life.isAlive) this.spawn(id, region);
    });
  }

  /** One region folds a type otherwise than all others, until it is upgraded. */
  private policyHashOf(region: string): string {
    return !this.upgraded && region === this.regions[1] ? 'its own' : 'all others';
  }

  /** PROTOCOL §10: whatever is stamped is stamped about now, whatever the wall clock of the process shows. */
  private lookAtStamp({ identity: { actor } }: MemoryDatabase, { dot, time }: Event): void {
    const aheadMillis = time.wallMillis - this.clock.wallMillis();
    if (dot.actor !== actor || Math.abs(aheadMillis) <= driftMillisMax) return;
    this.failure ??= new BrokenInvariant(
      `§10: ${dotKey(dot)} is stamped ${aheadMillis} ms ahead of the time`,
    );
  }

  /** PROTOCOL §12: where two regions fold a type differently, neither folds what the other minted. */
  private lookAtPolicies({ identity: { region } }: MemoryDatabase, { entities }: ShardCommit): void {
    for (const { entity, state } of entities) {
      if (entity.type !== tornType || this.upgraded) continue;
      const other = [...seenOf(state).keys()].find(
        (actor) => this.policyHashOf(regionOf(actor)) !== this.policyHashOf(region),
      );
      if (other === undefined) continue;
      const detail = `${region} folded what ${other} did to ${entityKey(entity)}`;
      this.failure ??= new BrokenInvariant(`§12: ${detail}, and folds its type otherwise`);
    }
  }

  /** A service that cannot start, because its database is down, ends; whoever runs it starts it again. */
  private failed(error: unknown, process: SimProcess): void {
    if (error instanceof Error && (error.name === 'LogUnavailable' || error.name === 'CommitUnknown'))
      process.crash();
    else this.failure ??= error instanceof Error ? error : new Error(String(error));
  }

  /** INV-9: what is acknowledged is in the log of the region that acknowledged it. */
  acknowledged(region: string, outcome: WriteOutcome): void {
    const { dot, shard } = outcome;
    const records = this.databases.get(region)?.memory.shard(shard).events.get(dot.actor) ?? [];
    if (!records.some(({ seq }) => seq === dot.seq)) {
      this.failure ??= new BrokenInvariant(
        `INV-9: ${region} acknowledged ${dotKey(dot)} of shard ${shard} and does not hold it`,
      );
    }
    const { mutationId, replayed, confirmed } = outcome;
    this.note(
      `ok ${region} ${mutationId} ${dotKey(dot)} ${replayed ? 'replayed' : 'new'} ${confirmed.join()}`,
    );
  }

  /**
   * INV-10: a session never reads less than it has written and read, nor writes on less, in whatever region it is
   * answered: read-your-writes, monotonic reads, monotonic writes, writes-follow-reads.
   */
  followed(past: ReadonlySet<string>, entity: EntityRef, seen: VersionVector, what: 'read' | 'wrote'): void {
    const missing = this.oracle.missing(past, entity, seen);
    if (missing === undefined) return;
    const detail = `a session saw ${missing} of ${entityKey(entity)}, then ${what} without it`;
    this.failure ??= new BrokenInvariant(`INV-10: ${detail}`);
  }

  private databaseOf(region: string): SimDatabase {
    const memory = new MemoryDatabase({
      region,
      actor: `${region}~1`,
      shards: simShards,
      nowMillis: () => this.clock.wallMillis(),
    });
    return {
      memory,
      clock: this.clock,
      random: this.random.branch(`database ${region}`),
      up: true,
      faults: noCommitFaults,
      stats: { crashedBeforeCommit: 0, crashedAfterCommit: 0, unknownCommits: 0 },
      committed: (parts, fenced) => this.committed(memory, parts, fenced),
    };
  }

  private committed(memory: MemoryDatabase, parts: readonly ShardCommit[], fenced: readonly number[]): void {
    try {
      this.checks.look(memory, parts, fenced);
      for (const part of parts) {
        if (fenced.includes(part.shard)) continue;
        this.strong.look(memory, part);
        lookAtGroups(memory, part);
        this.lookAtPolicies(memory, part);
      }
    } catch (error) {
      this.failure ??= error as Error;
    }
    for (const part of parts) {
      if (fenced.includes(part.shard)) {
        this.note(`fenced ${memory.identity.region} shard ${part.shard}`);
        continue;
      }
      this.note(
        `commit ${memory.identity.region} shard ${part.shard} ${part.events.map(({ event }) => dotKey(event.dot)).join(' ')}`,
      );
      for (const { event } of part.events) {
        this.lookAtStamp(memory, event);
        // Nobody can have seen a strong event before it is decided: its clients keep their own history.
        if (event.epoch !== undefined || isOfTheLog(event.entity)) continue;
        const name = `${part.shard} ${dotKey(event.dot)}`;
        const { entity, dot, mutation } = event;
        const isNew = this.oracle.learn({ name, entity, dot, mutationId: mutation.id });
        if (isNew) this.promises.born(entity, { shard: part.shard, dot });
      }
      this.dependencyWaits += part.waiting.filter(({ waitsIn }) => waitsIn !== undefined).length;
    }
    this.lookAtCauses(memory, parts, fenced);
  }

  /** INV-6: nobody sees an effect before its cause, whoever asks and at whatever level. */
  private lookAtCauses(
    memory: MemoryDatabase,
    parts: readonly ShardCommit[],
    fenced: readonly number[],
  ): void {
    const { region } = memory.identity;
    const fresh: KnownEvent[] = [];
    for (const part of parts) {
      if (fenced.includes(part.shard)) continue;
      for (const { dot, state } of part.waiting)
        if (state === 'parked') this.parked.add(`${region} ${part.shard} ${dotKey(dot)}`);
      for (const row of part.entities)
        fresh.push(...this.oracle.shows(region, row.entity, seenOf(row.state)));
    }
    for (const effect of fresh) {
      const cause = this.oracle.unseenCause(region, effect, ({ name }) =>
        this.parked.has(`${region} ${name}`),
      );
      if (cause === undefined) continue;
      this.failure ??= new BrokenInvariant(`INV-6: ${region} shows ${effect.name} before its cause ${cause}`);
    }
  }

  /** Of the whole run so far, as one number to compare. */
  hash(): string {
    return kitHashing.sha256Hex(kitHashing.utf8(this.trace.join('\n')));
  }
}

function seenOf(state: string): VersionVector {
  const { seen } = parseJson(state) as { readonly seen: Json };
  return decodeVector(seen) ?? nothingSeen;
}
