import { parseJson } from '#core/parse-json.js';
import type { CounterName } from '#flow/ports/telemetry.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { SeededRandom } from './seeded-random.js';
import { BrokenInvariant, checkConverged, isQuiet } from './sim-checks.js';
import { SimClients, type JournalEntry } from './sim-clients.js';
import { planFaults } from './sim-faults.js';
import { noCommitFaults } from './sim-log.js';
import { GroupClients } from './sim-groups.js';
import { StrongClients } from './sim-strong.js';
import { heldTypes, lateType, leasedType, movedType, simTypes, tornType } from './sim-types.js';
import { SimWorld } from './sim-world.js';

/** What the sum over all seeds must not leave at zero. */
export interface SimulationTally {
  readonly commands: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly gapsFetched: number;
  readonly pending: number;
  readonly parked: number;
  readonly duplicatesDropped: number;
  readonly crashedBeforeCommit: number;
  readonly crashedAfterCommit: number;
  readonly unknownCommits: number;
  readonly ownershipMoves: number;
  readonly fencedZombies: number;
  readonly conflicts: number;
  readonly aliases: number;
  readonly refolds: number;
  readonly rightsAsked: number;
  readonly epochsOpened: number;
  readonly strongAnswered: number;
  readonly strongRefused: number;
  readonly membersChanged: number;
  readonly groupsAnswered: number;
  readonly groupsRead: number;
  readonly confirmedWrites: number;
  readonly incompleteWrites: number;
  readonly stalenessTold: number;
  readonly staleReads: number;
  readonly boundedReads: number;
  readonly quorumReads: number;
  readonly refusedReads: number;
  readonly dependencyWaits: number;
  readonly clockRefusals: number;
}

export interface SimulationResult {
  readonly seed: number;
  readonly regions: readonly string[];
  readonly faultKinds: number;
  readonly hash: string;
  readonly trace: readonly string[];
  readonly tally: SimulationTally;
  /** What broke, with the seed that repeats it. */
  readonly failure?: Error;
}

const commandsPerRun = 320;
const clients = 16;
const strongClients = 5;
const strongOperations = 16;
const groupClients = 3;
const groupOperations = 10;
const faultsPerRun = 10;
/** Faults begin within this time; the clients take about as long. */
const faultSpanMillis = 2_500;
const clientsMillisMax = 300_000;
const healMillisMax = 120_000;
/** How often it is looked whether the regions are equal: often enough, and cheap. */
const healLookMillis = 100;

const allRegions = ['eu', 'us', 'ap', 'sa', 'af'];

/** One run: faults with invariants checked at every commit, then heal, and convergence is required. One seed, one run. */
export async function simulate(seed: number, withGroups = false): Promise<SimulationResult> {
  const random = new SeededRandom(seed);
  const regions = allRegions.slice(0, random.between(3, 5));
  const world = new SimWorld(regions, random.branch('world'));
  const clientsOf = new SimClients(world, random.branch('clients'), entitiesOf(random));
  const strong = new StrongClients(world, random.branch('strong'));
  const groups = new GroupClients(world, random.branch('groups'));
  let kinds = 0;
  let failure: Error | undefined;
  try {
    await world.start();
    const planned = planFaults(world, random.branch('faults'), faultsPerRun, faultSpanMillis);
    kinds = planned.size;
    let done = false;
    Promise.all([
      clientsOf.run(clients, commandsPerRun),
      strong.run(strongClients, strongOperations),
      groups.run(withGroups ? groupClients : 0, groupOperations),
    ]).then(
      () => (done = true),
      (error: unknown) => (world.failure ??= error instanceof Error ? error : new Error(String(error))),
    );
    if (!(await world.step(() => done, clientsMillisMax)))
      throw new BrokenInvariant('the clients never came to an end');
    await heal(world);
    checkConverged(databasesOf(world), heldTypes);
    checkJournal(world, clientsOf.journal);
    strong.check(databasesOf(world));
    groups.check(databasesOf(world));
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    world.note(`failed: ${failure.message}`);
  }
  const tally = tallyOf(world, clientsOf, { strong, groups });
  return {
    seed,
    regions,
    faultKinds: kinds,
    hash: world.hash(),
    trace: world.trace,
    tally,
    ...(failure && { failure }),
  };
}

function entitiesOf(random: SeededRandom): readonly { readonly type: string; readonly id: string }[] {
  const types = [...simTypes].flatMap(([type, { consistency }]) =>
    consistency === 'eventual' && type !== leasedType && type !== movedType ? type : [],
  );
  return Array.from({ length: 18 }, (_, index) => ({
    type:
      index < types.length
        ? (types[index] ?? '')
        : random.pick(types.filter((type) => type !== lateType && type !== tornType)),
    id: `e${index}`,
  }));
}

function databasesOf(world: SimWorld): readonly MemoryDatabase[] {
  return [...world.databases.values()].map(({ memory }) => memory);
}

/** The second phase: nothing breaks any more, every process is restarted with all types, and all must become equal. */
export async function heal(world: SimWorld): Promise<void> {
  world.note('heal');
  world.links.healAll();
  world.recordLoss = 0;
  world.recordRepeat = 0;
  world.upgrade();
  for (const [region, database] of world.databases) {
    database.up = true;
    database.faults = noCommitFaults;
    world.clusters.cluster(region).restart();
  }
  for (const id of world.processIds()) {
    const process = world.process(id);
    process?.life.resume();
    process?.crash();
  }
  for (let waited = 0; waited < healMillisMax; waited += healLookMillis) {
    await world.step(() => false, healLookMillis);
    if (isQuiet(databasesOf(world))) return;
  }
  throw new BrokenInvariant('the regions never converged after all was healed');
}

/** Nothing acknowledged is lost, nothing counts twice, judged by what clients were told (INV-9). */
function checkJournal(world: SimWorld, journal: readonly JournalEntry[]): void {
  for (const memory of databasesOf(world)) {
    for (const entry of journal) {
      const copies = memory.mutations.get(entry.mutationId)?.size ?? 0;
      const { region } = memory.identity;
      if (entry.outcome === 'ok' && copies === 0)
        throw new BrokenInvariant(`INV-9: ${region} lost ${entry.mutationId}`);
      // Where it was sent once more after it was refused, and nobody told what became of that, it may have been done then.
      const isRefused = entry.outcome === 'fail' && !entry.isInDoubt && entry.acknowledged.length === 0;
      if (isRefused && copies > 0) {
        throw new BrokenInvariant(`${region} holds ${entry.mutationId}, which was refused`);
      }
    }
    checkCounters(memory, journal);
  }
}

/** Exact sums under retries: each command that is in the log counts once, however many copies it has. */
function checkCounters(memory: MemoryDatabase, journal: readonly JournalEntry[]): void {
  const expected = new Map<string, number>();
  const deleted = new Set<string>();
  for (const { mutationId, command } of journal) {
    if (command.entity.type !== 'likes' || !memory.mutations.has(mutationId)) continue;
    const key = command.entity.id;
    if (command.kind === 'delete') deleted.add(key);
    for (const operation of command.operations) {
      if (operation.field === 'count') expected.set(key, (expected.get(key) ?? 0) + Number(operation.by));
    }
  }
  for (const [id, sum] of expected) {
    if (deleted.has(id)) continue;
    const row = [...memory.entities.values()].find(
      ({ entity }) => entity.type === 'likes' && entity.id === id,
    );
    const value = parseJson(Buffer.from(row?.value ?? []).toString()) as { readonly count: number };
    if (value.count !== sum) throw new BrokenInvariant(`likes/${id} counts ${value.count} instead of ${sum}`);
  }
}

function tallyOf(
  world: SimWorld,
  clientsOf: SimClients,
  { strong, groups }: { readonly strong: StrongClients; readonly groups: GroupClients },
): SimulationTally {
  const { journal } = clientsOf;
  const count = (name: CounterName): number => world.telemetry.counts.get(name) ?? 0;
  const stats = [...world.databases.values()].map(({ stats: each }) => each);
  const sum = (read: (each: (typeof stats)[number]) => number): number =>
    stats.reduce((total, each) => total + read(each), 0);
  return {
    commands: journal.length,
    acknowledged: journal.filter(({ outcome }) => outcome === 'ok').length,
    faults: faultsPerRun,
    gapsFetched: count('gaps_fetched_total'),
    pending: count('events_pending_total'),
    parked: count('events_parked_total'),
    duplicatesDropped: count('duplicates_dropped_total'),
    crashedBeforeCommit: sum((each) => each.crashedBeforeCommit),
    crashedAfterCommit: sum((each) => each.crashedAfterCommit),
    unknownCommits: sum((each) => each.unknownCommits),
    ownershipMoves: count('ownership_moves_total'),
    fencedZombies: count('fenced_total'),
    conflicts: count('conflicts_total'),
    aliases: count('aliases_total'),
    refolds: count('refolds_total'),
    rightsAsked: count('rights_asked_total'),
    epochsOpened: count('epochs_opened_total'),
    strongAnswered: strong.history.filter(({ completed }) => completed !== Infinity).length,
    groupsAnswered: groups.journal.filter(({ outcome }) => outcome === 'ok').length,
    groupsRead: groups.reads,
    strongRefused: databasesOf(world).reduce(
      (sum, { shards }) => sum + shards.reduce((of, { refused }) => of + refused.size, 0),
      0,
    ),
    membersChanged: world.membersChanged,
    ...world.promises.tally,
    dependencyWaits: world.dependencyWaits,
    clockRefusals: clientsOf.clockRefusals,
  };
}
