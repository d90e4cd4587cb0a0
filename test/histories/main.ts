import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isClean,
  judgeConsistency,
  type ConsistencyVerdict,
} from '#cli/judge/consistency/judge-consistency.js';
import { attachStack, startStack, type DevStack } from '#io/devstack/stack.js';
import { openFaultLab, type FaultLab } from '../integration/faults/fault-lab.js';
import { readArguments, usage, type HistoriesArguments } from './arguments.js';
import { calm, faultPlans, type FaultSet } from './fault-plans.js';
import { recordLatency } from './latency/record-latency.js';
import type { HistoryPlan } from './level-plans.js';
import { recordHistory } from './record-history.js';
import { typesModule, whyNotDeclared, whyNotServed } from './served.js';

interface Recorded {
  readonly file: string;
  readonly seconds: number;
  readonly lines: number;
  readonly verdict: ConsistencyVerdict;
}

interface NotRecorded {
  readonly name: string;
  readonly why: string;
}

interface Report {
  readonly seed: number;
  readonly recorded: Recorded[];
  readonly notRecorded: NotRecorded[];
  /** Begun, and without an end: a region did not get everything in time. */
  readonly unfinished: NotRecorded[];
}

/** A run takes about so long where the service keeps up, and at most so long where a level makes clients wait. */
const secondsWanted = 50;
const millisMax = 180_000;
/** A short run need not be slow. */
const perSecondMin = 200;
const regions = ['us', 'eu', 'ap'];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * `npm run histories`: records client histories of every level that the service serves, under every fault set, from three
 * regions on real servers, and judges each by what its level promises. Exits with 1 when a promise was broken.
 */
async function main(given: HistoriesArguments): Promise<boolean> {
  await mkdir(given.out, { recursive: true });
  if (given.latencySamples !== undefined) {
    await onStack(given, (stack) =>
      recordLatency(stack, { out: given.out, samples: given.latencySamples ?? 0, say }),
    );
    return true;
  }
  const report: Report = { seed: given.seed, recorded: [], notRecorded: [], unfinished: [] };
  await onStack(given, async (stack) => {
    for (const plans of Map.groupBy(given.plans, ({ types }) => types).values())
      await recordTypes(stack, plans, given, report);
  });
  await writeFile(join(given.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const { name, why } of report.notRecorded) say(`not recorded: ${name}: ${why}`);
  const broken = report.recorded.filter(({ verdict }) => !isClean(verdict));
  say(
    `${report.recorded.length} histories recorded, ${broken.length} with a broken promise; seed ${given.seed}`,
  );
  return broken.length === 0 && report.unfinished.length === 0;
}

async function onStack(
  { stack: running }: HistoriesArguments,
  work: (stack: DevStack) => Promise<void>,
): Promise<void> {
  if (running !== undefined) return work(attachStack(running));
  const stack = await startStack({ regions, portBase: 0, latency: 'none', handleSignals: true });
  try {
    await work(stack);
  } finally {
    await stack.stop();
  }
}

async function recordTypes(
  stack: DevStack,
  plans: readonly HistoryPlan[],
  given: HistoriesArguments,
  report: Report,
): Promise<void> {
  const [first] = plans;
  if (first === undefined) return;
  const undeclared = await whyNotDeclared(first);
  if (undeclared !== undefined) {
    report.notRecorded.push(...plans.map(({ name }) => ({ name, why: undeclared })));
    return;
  }
  const lab = await openFaultLab(stack.descriptor, { regions, latency: steady, config: typesModule(first) });
  try {
    for (const plan of plans) await recordPlan(lab, plan, given, report);
  } finally {
    await lab.close();
  }
}

const steady = { default: calm, links: {} };

async function recordPlan(
  lab: FaultLab,
  plan: HistoryPlan,
  given: HistoriesArguments,
  report: Report,
): Promise<void> {
  const unserved = await whyNotServed(lab, plan);
  if (unserved !== undefined) {
    report.notRecorded.push({ name: plan.name, why: unserved });
    return;
  }
  for (const faults of given.faults) {
    // Only strong shards have a home to hand over.
    if (faults === 'handovers' && plan.level !== 'strong') continue;
    const recorded = await recordOne(lab, plan, faults, given).catch((error: unknown) => error as Error);
    if (recorded instanceof Error) {
      const name = `${plan.name}-${faults}`;
      say(`${name}: could not be finished: ${recorded.message}`);
      report.unfinished.push({ name, why: recorded.message });
      continue;
    }
    report.recorded.push(recorded);
    const { file, lines, seconds, verdict } = recorded;
    const found = isClean(verdict) ? 'no promise broken' : JSON.stringify(verdict.broken);
    say(`${file}: ${lines} lines in ${seconds} s, ${found}`);
    for (const { rule, what } of verdict.examples) say(`   ${rule}: ${what}`);
  }
}

async function recordOne(
  lab: FaultLab,
  plan: HistoryPlan,
  faults: FaultSet,
  { out, operations, clients, seed }: HistoriesArguments,
): Promise<Recorded> {
  const begun = performance.now();
  const run = `${plan.name}-${faults}`;
  const file = `${run}.jsonl`;
  const journal = await recordHistory({
    ...{ lab, plan, faults: faultPlans[faults], run, seed, clients, operations, millisMax },
    perSecond: Math.max(operations / secondsWanted, perSecondMin),
    path: join(out, file),
  });
  const history = journal.history();
  const bounds = plan.types === 'bounded-counter' ? { bounds: { min: 0 } } : {};
  const verdict = judgeConsistency(history, { level: plan.level, regions: lab.regions.length, ...bounds });
  const lines = history.operations.length + history.faults.length + history.finals.length;
  return { file, seconds: Math.round((performance.now() - begun) / 100) / 10, lines, verdict };
}

function read(): HistoriesArguments {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const isKept = await main(read());
// Connections to what was killed must not keep the program.
process.exit(isKept ? 0 : 1);
