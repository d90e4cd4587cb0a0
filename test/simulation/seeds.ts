import { expect } from 'vitest';
import { simulate, type SimulationTally } from '#kit/world/simulation.js';

/** What a run must have met, over all seeds of one suite: a world in which nothing goes wrong proves nothing. */
const mustHappen: readonly (keyof SimulationTally)[] = [
  'gapsFetched',
  'pending',
  'parked',
  'duplicatesDropped',
  'crashedBeforeCommit',
  'crashedAfterCommit',
  'unknownCommits',
  'ownershipMoves',
  'fencedZombies',
  'conflicts',
  'aliases',
  'rightsAsked',
  'confirmedWrites',
  'incompleteWrites',
  'stalenessTold',
  'staleReads',
  'boundedReads',
  'quorumReads',
  'refusedReads',
  'dependencyWaits',
  'clockRefusals',
];

/** Fewer seeds than the suite asks for, where a planted bug has to be caught quickly. */
const countMax = Number(process.env.ATOLL_SIM_SEEDS ?? Infinity);

const commandsMin = 300;
const faultsMin = 8;
const faultKindsMin = 5;

/** Stacks of what is refused are a twelfth of a run's time. Whoever repeats a broken seed by `npm run sim` has them. */
async function withoutStacks<T>(run: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Runs seeds one after another, prints what happened over all of them, and fails if anything broke or never happened. */
export async function runSeeds(first: number, suiteCount: number): Promise<void> {
  const count = Math.min(suiteCount, countMax);
  const total = new Map<keyof SimulationTally, number>();
  const broken: string[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const { tally, failure, faultKinds, regions } = await withoutStacks(() => simulate(seed));
    if (failure) {
      broken.push(`seed ${seed}: ${failure.message} (npm run sim -- --seed ${seed})`);
      continue;
    }
    expect(tally.commands).toBeGreaterThanOrEqual(commandsMin);
    expect(tally.faults).toBeGreaterThanOrEqual(faultsMin);
    expect(faultKinds).toBeGreaterThanOrEqual(faultKindsMin);
    expect(regions.length).toBeGreaterThanOrEqual(3);
    for (const [name, value] of Object.entries(tally) as [keyof SimulationTally, number][]) {
      total.set(name, (total.get(name) ?? 0) + value);
    }
  }
  const line = [...total].map(([name, value]) => `${name} ${value}`).join(', ');
  process.stdout.write(`simulated seeds ${first}–${first + count - 1}: ${line}\n`);
  expect(broken).toEqual([]);
  expect(mustHappen.filter((name) => !total.get(name))).toEqual([]);
}
