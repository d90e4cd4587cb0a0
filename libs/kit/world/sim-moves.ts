import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { decodeEvent } from '#core/event/event-codec.js';
import { movesEntity, readTypeRecord } from '#core/strong/type-record.js';
import { parseJson } from '#core/parse-json.js';
import type { Command, TypeMoved } from '#flow/service.js';
import { kitHashing } from '../memory/memory-auth.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { SeededRandom } from './seeded-random.js';
import { BrokenInvariant, checkConverged } from './sim-checks.js';
import { planFaults } from './sim-faults.js';
import { heldTypes, movedType } from './sim-types.js';
import { SimWorld, simShards } from './sim-world.js';
import { heal } from './simulation.js';

/** What a run about moved types came to. */
export interface MovesResult {
  readonly failure?: Error;
  readonly acknowledged: number;
  readonly strongReads: number;
  /** Commands that were told at least once that their type is being moved. */
  readonly held: number;
  readonly opened: number;
  readonly aborted: number;
  readonly loosened: number;
  readonly trace: readonly string[];
}

interface Visit {
  readonly id: string;
  readonly mutationId: string;
  readonly by: number;
  readonly invoked: number;
  /** When a client was first told that it counts; Infinity: never. */
  acknowledged: number;
}

const regions = ['eu', 'us', 'ap'] as const;
const ids = ['b0', 'b1', 'b2', 'b3', 'b4'] as const;
const clients = 6;
const stepsPerClient = 22;
const triesMax = 4;
const faultsPerRun = 7;
const runSpanMillis = 5_000;
const movesPerRun = 13;
const moveMillisMax = 1_200;
const patienceMillis = 3_000;
const runMillisMax = 300_000;
/** After all is healed: how long a move may take. */
const lastMoveMillis = 60_000;

/**
 * A type is moved to and fro, and moves are aborted, while clients write and read it and everything else goes wrong. Strong
 * reads have all that was acknowledged before they were asked, whoever took it and how (INV-11); nothing acknowledged is lost
 * or counted twice (INV-9); in the end all regions are equal and the type can still be moved both ways.
 */
export async function simulateMoves(seed: number): Promise<MovesResult> {
  const random = new SeededRandom(seed);
  const world = new SimWorld(regions, random.branch('world'));
  const visitors = new Visitors(world, random.branch('clients'));
  let failure: Error | undefined;
  try {
    await world.start();
    planFaults(world, random.branch('faults'), faultsPerRun, runSpanMillis);
    planMoves(world, random.branch('moves'));
    let done = false;
    visitors.run().then(
      () => (done = true),
      (error: unknown) => (world.failure ??= error as Error),
    );
    if (!(await world.step(() => done, runMillisMax)))
      throw new BrokenInvariant('the clients never came to an end');
    await heal(world);
    await finish(world, visitors);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    world.note(`failed: ${failure.message}`);
  }
  const { held, strongReads, visits } = visitors;
  const acknowledged = visits.filter((visit) => visit.acknowledged !== Infinity).length;
  return {
    ...(failure && { failure }),
    ...{ acknowledged, strongReads, held: held.size },
    ...recordsOf(world),
    trace: world.trace,
  };
}

function planMoves(world: SimWorld, random: SeededRandom): void {
  for (let index = 0; index < movesPerRun; index += 1) {
    const to = random.chance(0.6) ? 'strong' : 'eventual';
    const isAbort = random.chance(0.2);
    const region = random.pick(regions);
    world.clock.after(random.fraction() * runSpanMillis, () => {
      world.note(`move ${to}${isAbort ? ' aborted' : ''} asked in ${region}`);
      const process = world.anyProcess(region);
      const move = { type: movedType, to, isAbort, dryRun: false } as const;
      process?.service.moveType(move, { maxWaitMillis: moveMillisMax }).catch((error: unknown) => {
        if (!(error instanceof AtollError)) world.failure ??= error as Error;
      });
    });
  }
}

/** All is healed: it is strong everywhere at last and shows everything, then eventual, and all regions are equal. */
async function finish(world: SimWorld, visitors: Visitors): Promise<void> {
  await moved(world, 'strong');
  for (const id of ids) await visitors.look(id, world.regions[0] ?? 'eu', true);
  await moved(world, 'eventual');
  for (const region of regions) await visitors.visit(region, 'b0', 1);
  await heal(world);
  const databases = [...world.databases.values()].map(({ memory }) => memory);
  checkConverged(databases, heldTypes);
  for (const memory of databases) visitors.check(memory);
}

async function moved(world: SimWorld, to: 'strong' | 'eventual'): Promise<void> {
  let found: TypeMoved | undefined;
  for (let waited = 0; waited < lastMoveMillis && found?.isDone !== true; waited += moveMillisMax) {
    const service = world.anyProcess(world.upgradedRegion)?.service;
    const move = { type: movedType, to, isAbort: false, dryRun: false } as const;
    let done = false;
    service
      ?.moveType(move, { maxWaitMillis: moveMillisMax })
      .then(
        (told) => (found = told),
        (error: unknown) => {
          if (!(error instanceof AtollError)) world.failure ??= error as Error;
        },
      )
      .finally(() => (done = true));
    await world.step(() => done, 10 * moveMillisMax);
  }
  if (found?.isDone !== true)
    throw new BrokenInvariant(`the type was never ${to}: ${JSON.stringify(found?.shards)}`);
}

/** Clients of a type that is moved: each visit is counted once, and none that was acknowledged is missed by a strong read. */
class Visitors {
  readonly visits: Visit[] = [];
  readonly held = new Set<string>();
  strongReads = 0;

  constructor(
    private readonly world: SimWorld,
    private readonly random: SeededRandom,
  ) {}

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: clients }, (_, client) => this.runClient(client)));
  }

  private async runClient(client: number): Promise<void> {
    const random = this.random.branch(`visitor ${client}`);
    for (let step = 0; step < stepsPerClient; step += 1) {
      await this.world.pause(random.between(20, 400));
      const region = random.pick(regions);
      if (random.chance(0.4)) await this.lookOnce(random.pick(ids), region);
      else await this.visitWith(random, region, random.pick(ids), random.between(1, 9));
    }
  }

  /** Waited for, while the world goes on. */
  async visit(region: string, id: string, by: number): Promise<void> {
    await this.wait(this.visitWith(this.random, region, id, by));
  }

  async look(id: string, region: string, must: boolean): Promise<void> {
    const before = this.strongReads;
    for (let tries = 0; tries < 20 && this.strongReads === before; tries += 1)
      await this.wait(this.lookOnce(id, region));
    if (must && this.strongReads === before) throw new BrokenInvariant(`${id} is strong and cannot be read`);
  }

  private async wait(work: Promise<void>): Promise<void> {
    let done = false;
    work.then(
      () => (done = true),
      (error: unknown) => (this.world.failure ??= error as Error),
    );
    await this.world.step(() => done, runMillisMax);
  }

  private async visitWith(random: SeededRandom, from: string, id: string, by: number): Promise<void> {
    let region = from;
    const mutationId = this.world.mutationId(region);
    const entity: EntityRef = { type: movedType, id };
    const operations = [{ field: 'visits', op: 'increment', by }];
    const command: Command = { entity, kind: 'update', operations, mutationId };
    const visit: Visit = { id, mutationId, by, invoked: this.now, acknowledged: Infinity };
    this.visits.push(visit);
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const isDone = await this.attempt(region, command, visit);
      // A proxy that was too eager sends it once more.
      if (isDone && !random.chance(0.15)) return;
      await this.world.pause(random.between(20, 200));
      region = random.pick(regions);
    }
  }

  private async attempt(region: string, command: Command, visit: Visit): Promise<boolean> {
    const service = this.world.anyProcess(region)?.service;
    if (!service) return false;
    try {
      const outcome = await this.world.within(
        service.submit(command, { maxWaitMillis: 800 }),
        patienceMillis,
      );
      if (!outcome) return false;
      this.world.note(`visit ok ${region} ${visit.mutationId} ${outcome.dot.actor}:${outcome.dot.seq}`);
      visit.acknowledged = Math.min(visit.acknowledged, this.now);
      return true;
    } catch (error) {
      if (!(error instanceof AtollError)) throw error;
      this.world.note(`visit refused ${region} ${visit.mutationId} ${error.code}`);
      if (error.code === 'type_moving') this.held.add(visit.mutationId);
      return !error.retryable;
    }
  }

  private async lookOnce(id: string, region: string): Promise<void> {
    const service = this.world.anyProcess(region)?.service;
    if (!service) return;
    const invoked = this.now;
    try {
      const asked = service.read({ type: movedType, id }, { level: { kind: 'strong' }, maxWaitMillis: 800 });
      const read = await this.world.within(asked, patienceMillis);
      if (read) this.judge(id, Number(read.value?.visits ?? 0), invoked);
    } catch (error) {
      if (!(error instanceof AtollError)) throw error;
    }
  }

  /** A strong read has everything that was acknowledged before it was asked, and nothing that nobody had sent. */
  private judge(id: string, value: number, invoked: number): void {
    this.strongReads += 1;
    const of = this.visits.filter((visit) => visit.id === id);
    const sum = (visits: readonly Visit[]): number => visits.reduce((total, { by }) => total + by, 0);
    const least = sum(of.filter(({ acknowledged }) => acknowledged < invoked));
    if (value < least || value > sum(of))
      throw new BrokenInvariant(
        `INV-11: a strong read of ${id} showed ${value}, not ${least} to ${sum(of)}, at ${this.now}`,
      );
  }

  /** Nothing acknowledged is lost, nothing counts twice (INV-9). */
  check(memory: MemoryDatabase): void {
    const { region } = memory.identity;
    for (const { mutationId, acknowledged } of this.visits)
      if (acknowledged !== Infinity && !memory.mutations.has(mutationId))
        throw new BrokenInvariant(`INV-9: ${region} lost ${mutationId}`);
    for (const id of ids) {
      const counted = this.visits.filter(
        (visit) => visit.id === id && memory.mutations.has(visit.mutationId),
      );
      const expected = counted.reduce((total, { by }) => total + by, 0);
      const row = [...memory.entities.values()].find(
        ({ entity }) => entity.type === movedType && entity.id === id,
      );
      const value = row?.value
        ? (parseJson(Buffer.from(row.value).toString()) as { visits: number })
        : undefined;
      if ((value?.visits ?? 0) !== expected)
        throw new BrokenInvariant(`INV-9: ${id} counts ${value?.visits} instead of ${expected} in ${region}`);
    }
  }

  private get now(): number {
    return this.world.clock.monotonicMillis();
  }
}

/** What was written about the type, of all shards, as the first region has it. */
function recordsOf(world: SimWorld): Pick<MovesResult, 'opened' | 'aborted' | 'loosened'> {
  const found = { opened: 0, aborted: 0, loosened: 0 };
  const [first] = world.databases.values();
  for (let shard = 0; first && shard < simShards; shard += 1) {
    const { type, id } = movesEntity(shard);
    for (const { bytes } of first.memory.shard(shard).histories.get(`${type}\n${id}`) ?? []) {
      const event = decodeEvent(kitHashing.fromUtf8(bytes) ?? '');
      const kind = event && readTypeRecord(event)?.kind;
      if (kind === 'opened' || kind === 'aborted' || kind === 'loosened') found[kind] += 1;
    }
  }
  return found;
}
