import { assert } from '#core/assert.js';
import { shardFor } from '#core/event/shard-of.js';
import { counter, lastWriterWins } from '#core/merge/policies.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Memberships } from '#core/strong/membership.js';
import { limitsDefault, timingDefault, type Limits } from '#flow/limits.js';
import type { CounterName } from '#flow/ports/telemetry.js';
import { createRegionProcess, type RegionProcess } from '#flow/region-process.js';
import type { Command } from '#flow/service.js';
import { FixedLinks } from '../memory/links.js';
import { ManualClock } from '../memory/manual-clock.js';
import { kitAuth, kitHashing } from '../memory/memory-auth.js';
import { MemoryClusters } from '../memory/memory-clusters.js';
import { MemoryDatabase } from '../memory/memory-database.js';
import { MemoryEventLog } from '../memory/memory-event-log.js';
import { MemoryNetwork } from '../memory/memory-peers.js';
import { MemoryTelemetry } from '../memory/memory-telemetry.js';
import { SeededRandom } from './seeded-random.js';
import { MemoryTransport } from '../memory/memory-transport.js';

export interface MemoryWorldOptions {
  readonly regions: readonly string[];
  readonly types?: EntityTypes;
  readonly shards?: number;
  readonly linkMillis?: number;
  /** Who decides in strong shards at first; all regions where nothing is said. */
  readonly strongMembers?: Memberships;
  readonly limits?: Partial<Limits>;
  /** How far a region's wall clock is ahead of the world's from the start, in milliseconds: then nobody minds (PROTOCOL §10). */
  readonly skewMillis?: ReadonlyMap<string, number>;
  /** Per region: how it folds each type (PROTOCOL §12); left out, all fold alike. */
  readonly policyHashes?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Regions that are not there until they are started; what is published to their clusters waits. */
  readonly asleep?: readonly string[];
  /** Regions with a second process (`us#2`), which no other region knows. */
  readonly pairs?: readonly string[];
}

const likes: EntityTypes = new Map([
  [
    'likes',
    {
      name: 'likes',
      schemaVersion: 1,
      onDelete: 'update-wins',
      consistency: 'eventual',
      fields: new Map([
        ['count', { policy: counter() }],
        ['title', { policy: lastWriterWins() }],
      ]),
    },
  ],
]);

/** Regions of one process each on in-memory ports and a clock that the test moves: no faults but those it makes. */
export class MemoryWorld {
  readonly clock = new ManualClock();
  readonly links: FixedLinks;
  readonly databases = new Map<string, MemoryDatabase>();
  readonly clusters: MemoryClusters;
  readonly telemetry = new Map<string, MemoryTelemetry>();
  private readonly processes = new Map<string, RegionProcess>();
  private readonly network: MemoryNetwork;
  private readonly shards: number;
  private readonly skews = new Map<string, number>();
  private readonly losing = new Set<string>();
  private readonly held = new Map<string, Promise<void>>();
  private readonly heldDeliveries = new Map<string, Promise<void>>();
  private readonly random = new SeededRandom(1);
  private births = 0;

  private constructor(private readonly options: MemoryWorldOptions) {
    const { regions } = options;
    this.links = new FixedLinks(options.linkMillis ?? 10);
    this.shards = options.shards ?? 4;
    for (const [region, millis] of options.skewMillis ?? []) this.skews.set(region, millis);
    this.clusters = new MemoryClusters({
      regions,
      shards: this.shards,
      clock: this.clock,
      links: this.links,
      copies: (cluster) => (this.losing.has(cluster) ? 0 : 1),
    });
    this.network = new MemoryNetwork({ regions, clock: this.clock, links: this.links });
    for (const region of regions) if (!options.asleep?.includes(region)) this.join(region);
    for (const region of options.pairs ?? []) this.join(region, 2);
  }

  static async started(options: MemoryWorldOptions): Promise<MemoryWorld> {
    const world = new MemoryWorld(options);
    await world.run(Promise.all([...world.processes.values()].map((process) => process.start())));
    return world;
  }

  /** A region that was asleep begins. */
  start(region: string): Promise<void> {
    this.join(region);
    return this.run(this.region(region).start());
  }

  private join(region: string, place = 1): void {
    const name = place === 1 ? region : `${region}#${place}`;
    const database =
      this.databases.get(region) ??
      new MemoryDatabase({
        region,
        actor: `${region}~1`,
        shards: this.shards,
        nowMillis: () => this.clock.wallMillis(),
      });
    this.databases.set(region, database);
    const telemetry = new MemoryTelemetry();
    this.telemetry.set(name, telemetry);
    const address = `${region}:${place}`;
    const peers = this.network.join({
      region,
      address,
      isUnknown: place > 1,
      handlers: {
        fetch: (request) => this.region(name).handlers.fetch(request),
        cursors: (shard) => this.region(name).handlers.cursors(shard),
        grantRights: (request) => this.region(name).handlers.grantRights(request),
        forward: (payload) => this.region(name).handlers.forward(payload),
        asked: (from, payload) => this.region(name).handlers.asked(from, payload),
        relayed: (heartbeat) => this.region(name).handlers.relayed(heartbeat),
      },
    });
    const process = createRegionProcess(
      {
        log: this.holding(region, new MemoryEventLog(database)),
        transport: this.delaying(region, new MemoryTransport(this.clusters, region)),
        peers,
        siblings: peers,
        auth: kitAuth(region),
        hashing: kitHashing,
        random: { mutationId: (born) => this.freshMutationId(born), fraction: () => this.random.fraction() },
        clock: {
          wallMillis: () => this.clock.wallMillis() + (this.skews.get(region) ?? 0),
          monotonicMillis: () => this.clock.monotonicMillis(),
          after: (millis, action) => this.clock.after(millis, action),
        },
        telemetry,
      },
      {
        processId: `${region}-${place}`,
        address,
        types: this.options.types ?? likes,
        policyHashes: this.options.policyHashes?.get(region) ?? new Map<string, string>(),
        members: this.options.regions,
        ...(this.options.strongMembers && { strongMembers: this.options.strongMembers }),
        limits: { ...limitsDefault, ...this.options.limits },
        timing: { ...timingDefault, ...(this.options.skewMillis && { clockBoundMillis: Infinity }) },
      },
    );
    this.processes.set(name, process);
  }

  /** The region's log, whose reads before a batch wait while they are held. */
  private holding(region: string, log: MemoryEventLog): MemoryEventLog {
    const prepare = log.prepare.bind(log);
    log.prepare = async (wanted) => {
      await this.held.get(region);
      return prepare(wanted);
    };
    return log;
  }

  /** The region's carrier, whose deliveries wait while they are held. */
  private delaying(region: string, transport: MemoryTransport): MemoryTransport {
    const subscribe = transport.subscribe.bind(transport);
    transport.subscribe = (positions, deliver) =>
      subscribe(positions, async (records) => {
        await this.heldDeliveries.get(region);
        await deliver(records);
      });
    return transport;
  }

  /** Reads before a batch of the region wait from now on until the returned function is called. */
  holdReads(region: string): () => void {
    return hold(this.held, region);
  }

  /** What the region's cluster has waits from now on until the returned function is called. */
  holdDeliveries(region: string): () => void {
    return hold(this.heldDeliveries, region);
  }

  region(name: string): RegionProcess {
    const process = this.processes.get(name);
    assert(process !== undefined, `there is no region ${name}`);
    return process;
  }

  /** The region's cluster acknowledges records and does not keep them. */
  loseRecordsTo(region: string, losing: boolean): void {
    if (losing) this.losing.add(region);
    else this.losing.delete(region);
  }

  setSkew(region: string, millis: number): void {
    this.skews.set(region, millis);
  }

  /** The cursor of `origin` in one region's database, for the shard of an entity. */
  cursorOf(
    region: string,
    origin: string,
    type: string,
    id: string,
  ): { readonly stored: number; readonly folded: number } {
    const cursors = this.databases.get(region)?.shard(this.shardOf(type, id)).cursors;
    return cursors?.get(`${origin}~1`) ?? { stored: 0, folded: 0 };
  }

  storedOf(region: string, origin: string, type: string, id: string): number {
    return this.cursorOf(region, origin, type, id).stored;
  }

  /** Moves the clock until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    work.then(
      () => (done = true),
      () => (done = true),
    );
    await this.clock.until(() => done, 'the work is done');
    return work;
  }

  /** Moves the clock until all regions have stored and folded the same. */
  async converged(): Promise<void> {
    await this.clock.until(() => {
      const cursors = [...this.databases.values()].map((database) =>
        JSON.stringify(
          database.shards.map((shard) =>
            [...shard.cursors.values()].map(({ actor, stored, folded }) => [actor, stored, folded]).sort(),
          ),
        ),
      );
      return new Set(cursors).size === 1;
    }, 'all regions have equal cursors');
  }

  /** Over all regions. */
  count(name: CounterName): number {
    let total = 0;
    for (const { counts } of this.telemetry.values()) total += counts.get(name) ?? 0;
    return total;
  }

  freshMutationId(region: string): string {
    const birth = this.clock.wallMillis().toString(16).padStart(12, '0');
    this.births += 1;
    const rest = this.births.toString(16).padStart(12, '0');
    return `${region}.${birth.slice(0, 8)}-${birth.slice(8)}-7000-8000-${rest}`;
  }

  /** A command that adds to the counter of an entity. */
  add(type: string, id: string, by: number): Command {
    return { entity: { type, id }, kind: 'update', operations: [{ field: 'count', op: 'increment', by }] };
  }

  shardOf(type: string, id: string): number {
    return shardFor({ type, id }, { shards: this.shards, types: this.options.types ?? likes });
  }
}

function hold(held: Map<string, Promise<void>>, region: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  held.set(region, promise);
  return () => {
    held.delete(region);
    resolve();
  };
}
