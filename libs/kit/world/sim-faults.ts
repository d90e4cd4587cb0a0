import { AtollError } from '#core/errors.js';
import type { MemberChange } from '#core/strong/membership.js';
import type { SeededRandom } from './seeded-random.js';
import { noCommitFaults } from './sim-log.js';
import type { SimWorld } from './sim-world.js';

/** One kind of fault: begins, and answers how it ends. */
type Fault = (
  world: SimWorld,
  random: SeededRandom,
) => { readonly detail: string; readonly end?: () => void };

/** How long an operator waits for a change of the members, in milliseconds. */
const membersMillisMax = 3_000;

function twoRegions(world: SimWorld, random: SeededRandom): readonly [string, string] {
  const from = random.pick(world.regions);
  return [from, random.pick(world.regions.filter((region) => region !== from))];
}

/** Some shard gets another home, asked for in some region; that it cannot be done now is an answer too. */
function handOver(world: SimWorld, random: SeededRandom, force: boolean): { readonly detail: string } {
  const shard = random.between(0, world.shards - 1);
  const to = random.pick(world.regions);
  const process = world.anyProcess(random.pick(world.regions));
  process?.service.handover(shard, to, force).catch((error: unknown) => {
    if (!(error instanceof AtollError)) world.failure ??= error as Error;
  });
  return { detail: `${shard} to ${to}` };
}

/** Some region joins those who decide in strong shards, or leaves them; that it cannot be done now is an answer too. */
function changeMembers(world: SimWorld, random: SeededRandom): { readonly detail: string } {
  const region = random.pick(world.regions);
  const process = world.anyProcess(random.pick(world.regions));
  const change: MemberChange = random.chance(0.6)
    ? { kind: 'remove', region, isStopped: false }
    : { kind: 'add', region, isWitness: random.chance(0.2) };
  process?.service
    .changeStrongMembers(change, { dryRun: false, maxWaitMillis: membersMillisMax })
    .catch((error: unknown) => {
      if (!(error instanceof AtollError)) world.failure ??= error as Error;
    });
  return { detail: `${change.kind} ${region}` };
}

const faults: Readonly<Record<string, Fault>> = {
  'cut both ways': (world, random) => {
    const [a, b] = twoRegions(world, random);
    world.links.cut(a, b);
    world.links.cut(b, a);
    return {
      detail: `${a}-${b}`,
      end: () => {
        world.links.heal(a, b);
        world.links.heal(b, a);
      },
    };
  },
  'cut one way': (world, random) => {
    const [a, b] = twoRegions(world, random);
    world.links.cut(a, b);
    return { detail: `${a}>${b}`, end: () => world.links.heal(a, b) };
  },
  'slow link': (world, random) => {
    const [a, b] = twoRegions(world, random);
    world.links.slow(a, b, random.between(100, 600));
    return { detail: `${a}>${b}`, end: () => world.links.heal(a, b) };
  },
  'messages vanish': (world) => {
    world.links.lossProbability = 0.15;
    return { detail: 'everywhere', end: () => (world.links.lossProbability = 0) };
  },
  'records lost': (world) => {
    world.recordLoss = 0.2;
    return { detail: 'everywhere', end: () => (world.recordLoss = 0) };
  },
  'records repeated': (world) => {
    world.recordRepeat = 0.5;
    return { detail: 'everywhere', end: () => (world.recordRepeat = 0) };
  },
  'topics delivered again': (world, random) => {
    const process = world.anyProcess(random.pick(world.regions));
    if (process) void process.service.rewind();
    return { detail: process?.id ?? 'nobody' };
  },
  'broker down': (world, random) => {
    const region = random.pick(world.regions);
    world.clusters.cluster(region).crash();
    return { detail: region, end: () => world.clusters.cluster(region).restart() };
  },
  'broker loses its tail': (world, random) => {
    const [at, origin] = twoRegions(world, random);
    const shard = random.between(0, world.shards - 1);
    world.clusters.cluster(at).loseTail(origin, shard, random.between(1, 4));
    return { detail: `${origin}/${shard} at ${at}` };
  },
  'database down': (world, random) => {
    const region = random.pick(world.regions);
    const database = world.databases.get(region);
    if (database) database.up = false;
    return { detail: region, end: () => void (database && (database.up = true)) };
  },
  'process killed': (world, random) => {
    const id = random.pick(world.processIds());
    world.process(id)?.crash();
    return { detail: id };
  },
  'wall clock set': (world, random) => {
    const id = random.pick(world.processIds());
    const process = world.process(id);
    const aheadMillis = random.between(120_000, 600_000) * (random.chance(0.5) ? 1 : -1);
    process?.life.setWall(aheadMillis);
    return { detail: `${id} ${aheadMillis}`, end: () => process?.life.setWall(0) };
  },
  'process stands still': (world, random) => {
    // Where there is a second process: it takes over, and the one that stood still wakes up as a zombie.
    const ids = world.processIds().filter((id) => id.startsWith(world.upgradedRegion));
    const process = world.process(random.pick(random.chance(0.7) ? ids : world.processIds()));
    process?.life.pause();
    return { detail: process?.id ?? 'nobody', end: () => process?.life.resume() };
  },
  'home handed over': (world, random) => handOver(world, random, false),
  'home forced over': (world, random) => handOver(world, random, true),
  'members changed': changeMembers,
  'commits of unknown outcome': (world, random) => {
    const database = world.databases.get(random.pick(world.regions));
    if (database)
      database.faults = { ...noCommitFaults, unknownNotDone: 0.1, unknownDone: 0.1, unknownLater: 0.1 };
    return {
      detail: database?.memory.identity.region ?? '',
      end: () => void (database && (database.faults = noCommitFaults)),
    };
  },
  'crashes around commits': (world, random) => {
    const database = world.databases.get(random.pick(world.regions));
    if (database) database.faults = { ...noCommitFaults, crashBefore: 0.15, crashAfter: 0.15 };
    return {
      detail: database?.memory.identity.region ?? '',
      end: () => void (database && (database.faults = noCommitFaults)),
    };
  },
};

export const faultKinds: readonly string[] = Object.keys(faults);

/** How long a fault lasts, in milliseconds: shorter and longer than leases, requests and patience. */
const faultMillis = { low: 150, high: 2_500 };

/** Plans `count` faults over `spanMillis`, of at least five kinds; answers how many of which kind there will be. */
export function planFaults(
  world: SimWorld,
  random: SeededRandom,
  count: number,
  spanMillis: number,
): ReadonlyMap<string, number> {
  const planned = new Map<string, number>();
  const offset = random.between(0, faultKinds.length - 1);
  for (let index = 0; index < count; index += 1) {
    // The first ones take different kinds in turn, so that no run has too few.
    const kind = index < 6 ? faultKinds[(offset + index * 5) % faultKinds.length] : random.pick(faultKinds);
    const fault = kind === undefined ? undefined : faults[kind];
    if (kind === undefined || !fault) continue;
    planned.set(kind, (planned.get(kind) ?? 0) + 1);
    world.clock.after(random.fraction() * spanMillis, () => {
      const { detail, end } = fault(world, random);
      world.note(`fault ${kind}: ${detail}`);
      if (!end) return;
      world.clock.after(random.between(faultMillis.low, faultMillis.high), () => {
        end();
        world.note(`over ${kind}: ${detail}`);
      });
    });
  }
  return planned;
}
