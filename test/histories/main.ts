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
import { shapeOf, type HistoryShape } from './history-shape.js';
import type { HistoryPlan } from './level-plans.js';
import { buildPorcupine, type Porcupine, type PorcupineVerdict } from './porcupine-program.js';
import { recordHistory } from './record-history.js';
import { typesModule, whyNotDeclared, whyNotServed } from './served.js';

interface Recorded {
  readonly file: string;
  readonly seconds: number;
  readonly lines: number;
  readonly shape: HistoryShape;
  readonly verdict: ConsistencyVerdict;
  /** Of strong histories, where there is Go. */
  readonly porcupine?: PorcupineVerdict;
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

/** What the histories of one call of the program have in common. */
interface Recording {
  readonly given: HistoriesArguments;
  readonly report: Report;
  readonly porcupine: Porcupine | undefined;
}

/** A run takes about so long where the service keeps up. */
const secondsWanted = 50;
/** Where faults make clients wait, they are over by then, and the rest is done without. */
const faultMillisMax = 75_000;
const millisMax = 300_000;
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
  const begun = performance.now();
  const report: Report = { seed: given.seed, recorded: [], notRecorded: [], unfinished: [] };
  const isStrong = given.plans.some(({ level }) => level === 'strong');
  const porcupine = isStrong ? await buildPorcupine() : undefined;
  await onStack(given, async (stack) => {
    for (const plans of Map.groupBy(given.plans, ({ types }) => types).values())
      await recordTypes(stack, plans, { given, report, porcupine });
  });
  await porcupine?.close();
  await writeFile(join(given.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const { name, why } of [...report.notRecorded, ...report.unfinished])
    say(`not recorded as it should be: ${name}: ${why}`);
  const broken = report.recorded.filter((one) => !isKept(one));
  const recorded = `${report.recorded.length} histories recorded in ${secondsSince(begun)} s`;
  say(`${recorded}, ${broken.length} with a broken promise; seed ${given.seed}`);
  return broken.length === 0 && report.unfinished.length === 0;
}

function isKept({ verdict, porcupine }: Recorded): boolean {
  return isClean(verdict) && (porcupine === undefined || porcupine.notLinearizable === 0);
}

const secondsSince = (begun: number): number => Math.round((performance.now() - begun) / 100) / 10;

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
  recording: Recording,
): Promise<void> {
  const { report } = recording;
  const [first] = plans;
  if (first === undefined) return;
  const undeclared = await whyNotDeclared(first);
  if (undeclared !== undefined) {
    report.notRecorded.push(...plans.map(({ name }) => ({ name, why: undeclared })));
    return;
  }
  const lab = await openFaultLab(stack.descriptor, { regions, latency: steady, config: typesModule(first) });
  try {
    for (const plan of plans) await recordPlan(lab, plan, recording);
  } finally {
    await lab.close();
  }
}

const steady = { default: calm, links: {} };

async function recordPlan(lab: FaultLab, plan: HistoryPlan, recording: Recording): Promise<void> {
  const { given, report } = recording;
  const unserved = await whyNotServed(lab, plan);
  if (unserved !== undefined) {
    report.notRecorded.push({ name: plan.name, why: unserved });
    return;
  }
  for (const faults of given.faults) {
    // Only strong shards have a home to hand over.
    if (faults === 'handovers' && plan.level !== 'strong') continue;
    const recorded = await recordOne(lab, plan, faults, recording).catch((error: unknown) => error as Error);
    if (recorded instanceof Error) {
      const name = `${plan.name}-${faults}`;
      say(`${name}: could not be finished: ${recorded.message}`);
      report.unfinished.push({ name, why: recorded.message });
      continue;
    }
    report.recorded.push(recorded);
    const { file, lines, seconds, shape, verdict, porcupine } = recorded;
    const found = isKept(recorded) ? 'no promise broken' : JSON.stringify(verdict.broken);
    say(`${file}: ${lines} lines, ${shape.megabytes} MB, in ${seconds} s, ${found}`);
    if (shape.done < given.operations)
      report.unfinished.push({ name: file, why: `only ${shape.done} operations were done in time` });
    if (porcupine !== undefined) say(`   Porcupine: ${JSON.stringify(porcupine)}`);
    for (const { rule, what } of verdict.examples) say(`   ${rule}: ${what}`);
  }
}

async function recordOne(
  lab: FaultLab,
  plan: HistoryPlan,
  faults: FaultSet,
  { given, porcupine }: Recording,
): Promise<Recorded> {
  const { out, operations, clients, seed } = given;
  const begun = performance.now();
  const run = `${plan.name}-${faults}`;
  const file = `${run}.jsonl`;
  const journalled = join(out, file);
  const journal = await recordHistory({
    ...{ lab, plan, faults: faultPlans[faults], run, seed, clients, operations, millisMax, faultMillisMax },
    perSecond: Math.max(operations / secondsWanted, perSecondMin),
    path: journalled,
  });
  const history = journal.history();
  const bounds = plan.types === 'bounded-counter' ? { bounds: { min: 0 } } : {};
  const verdict = judgeConsistency(history, { level: plan.level, regions: lab.regions.length, ...bounds });
  const lines = history.operations.length + history.faults.length + history.finals.length;
  const shape = shapeOf(history, { path: journalled, clients });
  const outside = plan.level === 'strong' ? await porcupine?.judge(history.operations) : undefined;
  return {
    ...{ file, seconds: secondsSince(begun), lines, shape, verdict },
    ...(outside === undefined ? {} : { porcupine: outside }),
  };
}

function read(): HistoriesArguments {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const allIsWell = await main(read());
// Connections to what was killed must not keep the program.
process.exit(allIsWell ? 0 : 1);
