import { dotKey, type Dot } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import { shardOf } from '#core/event/shard-of.js';
import type { Json } from '#core/json.js';
import { decodeEntity } from '#core/merge/entity-value.js';
import type { Rights } from '#core/merge/rights.js';
import { parseJson } from '#core/parse-json.js';
import type { FieldOperation } from '#flow/service.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { SeededRandom } from './seeded-random.js';
import { BrokenInvariant, checkConverged } from './sim-checks.js';
import { heldTypes, leasedType, simTypes } from './sim-types.js';
import { SimWorld, simShards } from './sim-world.js';
import { heal } from './simulation.js';

/** What a run about rights leases came to. */
export interface RightsResult {
  readonly failure?: Error;
  /** Changes that clients were told count, and those that were left out everywhere. */
  readonly acknowledged: number;
  readonly leftOut: number;
  readonly reclaimed: number;
  readonly lapsed: number;
  readonly trace: readonly string[];
}

const regions = ['eu', 'us', 'ap'] as const;
const ids = ['a', 'b', 'c'] as const;
const clientsPerRegion = 4;
const stepsPerClient = 14;
const faultsPerRun = 7;
const faultSpanMillis = 4_000;
/** Clocks of processes run up to a quarter too fast or too slow: far worse than any that is sold. */
const driftPart = 0.25;
const runMillisMax = 300_000;

interface Acknowledged {
  readonly region: string;
  readonly id: string;
  readonly dot: Dot;
}

/**
 * Clients spend under leases while their regions are cut off, stand still and die, and others take their rights over. No
 * counter is ever out of bounds (INV-12, looked at after every commit), and nothing that was acknowledged is left out (INV-9).
 */
export async function simulateRights(seed: number): Promise<RightsResult> {
  const random = new SeededRandom(seed);
  const world = new SimWorld(regions, random.branch('world'), driftPart);
  const clients = new RightsClients(world, random.branch('clients'));
  let failure: Error | undefined;
  try {
    await world.start();
    planFaults(world, random.branch('faults'));
    let done = false;
    clients.run().then(
      () => (done = true),
      (error: unknown) => (world.failure ??= error as Error),
    );
    if (!(await world.step(() => done, runMillisMax)))
      throw new BrokenInvariant('the clients never came to an end');
    await heal(world);
    const databases = [...world.databases.values()].map(({ memory }) => memory);
    checkConverged(databases, heldTypes);
    for (const memory of databases) checkAcknowledged(memory, clients.acknowledged);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  const [first] = world.databases.values();
  return {
    ...(failure && { failure }),
    acknowledged: clients.acknowledged.length,
    leftOut: first ? leftOutOf(first.memory).size : 0,
    reclaimed: world.telemetry.counts.get('rights_reclaimed_total') ?? 0,
    lapsed: clients.lapsed,
    trace: world.trace,
  };
}

class RightsClients {
  readonly acknowledged: Acknowledged[] = [];
  lapsed = 0;

  constructor(
    private readonly world: SimWorld,
    private readonly random: SeededRandom,
  ) {}

  async run(): Promise<void> {
    for (const region of regions)
      for (const id of ids) await this.change(region, id, { field: 'left', op: 'increment', by: 12 });
    const clients = regions.flatMap((region) =>
      Array.from({ length: clientsPerRegion }, (_, index) => this.runClient(region, `${region} ${index}`)),
    );
    await Promise.all(clients);
  }

  private async runClient(region: string, name: string): Promise<void> {
    const random = this.random.branch(name);
    for (let step = 0; step < stepsPerClient; step += 1) {
      await this.world.pause(random.between(20, 400));
      await this.change(region, random.pick(ids), drawTrade(random));
    }
  }

  /** One command, tried again with its id in its own region where nobody knows what became of it. */
  private async change(region: string, id: string, operation: FieldOperation): Promise<void> {
    const mutationId = this.world.mutationId(region);
    const entity = { type: leasedType, id };
    for (let tries = 0; tries < 3; tries += 1) {
      const service = this.world.anyProcess(region)?.service;
      const command = { entity, kind: 'update' as const, operations: [operation], mutationId };
      try {
        const outcome = await (service &&
          this.world.within(service.submit(command, { maxWaitMillis: 1_500 }), 3_000));
        if (outcome) {
          this.world.acknowledged(region, outcome);
          this.acknowledged.push({ region, id, dot: outcome.dot });
          return;
        }
      } catch (error) {
        if (!(error instanceof AtollError)) throw error;
        this.world.note(`refused ${mutationId} ${error.code}`);
        if (error.code === 'rights_lapsed') this.lapsed += 1;
        if (!error.retryable) return;
      }
      await this.world.pause(200);
    }
  }
}

function drawTrade(random: SeededRandom): FieldOperation {
  const field = random.chance(0.7) ? 'left' : 'seats';
  const by = random.between(1, 5);
  if (random.chance(0.15)) return { field, op: 'increment', by };
  if (random.chance(0.15)) return { field, op: 'transfer', to: random.pick(regions), by };
  if (random.chance(0.15)) return { field, op: 'reserve', by, forMillis: random.between(50, 800) };
  return { field, op: 'spend', by };
}

function planFaults(world: SimWorld, random: SeededRandom): void {
  for (let index = 0; index < faultsPerRun; index += 1) {
    const region = random.pick(regions);
    const kind = random.pick(['cut off', 'cut off', 'one way', 'stands still', 'killed'] as const);
    const millis = random.between(800, 5_000);
    world.clock.after(random.fraction() * faultSpanMillis, () => {
      world.note(`fault ${kind}: ${region} for ${millis} ms`);
      const end = begin(world, region, kind);
      world.clock.after(millis, () => {
        end();
        world.note(`over ${kind}: ${region}`);
      });
    });
  }
}

function begin(
  world: SimWorld,
  region: string,
  kind: 'cut off' | 'one way' | 'stands still' | 'killed',
): () => void {
  const others = regions.filter((other) => other !== region);
  const processes = world.processIds().filter((id) => id.startsWith(region));
  switch (kind) {
    case 'cut off':
    case 'one way':
      for (const other of others) {
        world.links.cut(region, other);
        if (kind === 'cut off') world.links.cut(other, region);
      }
      return () => {
        for (const other of others) {
          world.links.heal(region, other);
          world.links.heal(other, region);
        }
      };
    case 'stands still': {
      const lives = processes.flatMap((id) => world.process(id)?.life ?? []);
      for (const life of lives) life.pause();
      return () => {
        for (const life of lives) life.resume();
      };
    }
    case 'killed':
      for (const id of processes) world.process(id)?.crash();
      return () => undefined;
  }
}

function checkAcknowledged(memory: MemoryDatabase, acknowledged: readonly Acknowledged[]): void {
  const out = leftOutOf(memory);
  for (const { region, id, dot } of acknowledged) {
    const name = `${id} ${dotKey(dot)}`;
    if (out.has(name)) throw new BrokenInvariant(`INV-9: ${region} acknowledged ${name}, which is left out`);
    const cursor = memory.shard(shardOf({ type: leasedType, id }, simShards)).cursors.get(dot.actor);
    if ((cursor?.stored ?? 0) < dot.seq) throw new BrokenInvariant(`INV-9: ${name} is lost`);
  }
}

function leftOutOf(memory: MemoryDatabase): ReadonlySet<string> {
  const type = simTypes.get(leasedType);
  const out = new Set<string>();
  for (const { entity, state: bytes } of memory.entities.values()) {
    if (!type || entity.type !== leasedType) continue;
    const state = decodeEntity(type, parseJson(Buffer.from(bytes).toString()) as Json);
    for (const rights of state.fields.values())
      for (const dot of (rights as Rights).closing.leftOut) out.add(`${entity.id} ${dotKey(dot)}`);
  }
  return out;
}
