import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isClean,
  judgeConsistency,
  type ConsistencyVerdict,
} from '#cli/judge/consistency/judge-consistency.js';
import type { Journal } from '#cli/judge/journal.js';
import { attachStack, startStack, type DevStack } from '#io/devstack/stack.js';
import { openFaultLab, type FaultLab } from '../integration/faults/fault-lab.js';
import { readArguments, usage, type HistoriesArguments } from './arguments.js';
import { calm, faultPlans, type FaultSet } from './fault-plans.js';
import { recordLatency } from './latency/record-latency.js';
import { shapeOf, type HistoryShape } from './history-shape.js';
import type { HistoryPlan } from './level-plans.js';
import { buildPorcupine, type Porcupine, type PorcupineVerdict } from './porcupine-program.js';
import { recordHistories } from './record-history.js';
import { typesModule } from './types-module.js';

interface Recorded {
  readonly file: string;
  /** Of the recording, which others of the same faults may have shared. */
  readonly seconds: number;
  readonly lines: number;
  readonly shape: HistoryShape;
  readonly verdict: ConsistencyVerdict;
  /** Of strong histories, where there is Go. */
  readonly porcupine?: PorcupineVerdict;
}

interface Report {
  readonly seed: number;
  readonly recorded: Recorded[];
  /** Begun, and without an end: a region did not get everything in time, or clients were not served. */
  readonly unfinished: { readonly name: string; readonly why: string }[];
}

/** What the histories of one call of the program have in common. */
interface Recording {
  readonly given: HistoriesArguments;
  readonly report: Report;
  readonly porcupine: Porcupine | undefined;
}

/** Levels of the same types are recorded at the same time: their clients leave each other room on two cores. */
const plansAtOnce = 3;
/** A run takes about so long where the service keeps up. */
const secondsWanted = 60;
/** Where faults make clients wait, they are over by then, and the rest is done without. */
const faultMillisMax = 75_000;
const millisMax = 300_000;
/** A short run need not be slow. */
const perSecondMin = 200;
const regions = ['us', 'eu', 'ap'];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * `npm run histories`: records client histories of every level, under every fault set, from three regions on real servers, and judges each by what its level promises. Exits with 1 when a promise was broken.
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
  const report: Report = { seed: given.seed, recorded: [], unfinished: [] };
  const isStrong = given.plans.some(({ level }) => level === 'strong');
  const porcupine = isStrong ? await buildPorcupine() : undefined;
  await onStack(given, async (stack) => {
    for (const plans of Map.groupBy(given.plans, ({ types }) => types).values())
      await recordTypes(stack, plans, { given, report, porcupine });
  });
  await porcupine?.close();
  await writeFile(join(given.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const { name, why } of report.unfinished) say(`not recorded as it should be: ${name}: ${why}`);
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
  const [first] = plans;
  if (first === undefined) return;
  const lab = await openFaultLab(stack.descriptor, { regions, latency: steady, config: typesModule(first) });
  try {
    for (let from = 0; from < plans.length; from += plansAtOnce)
      await recordPlans(lab, plans.slice(from, from + plansAtOnce), recording);
  } finally {
    await lab.close();
  }
}

const steady = { default: calm, links: {} };

/** Under each fault set, all of them at the same time. */
async function recordPlans(
  lab: FaultLab,
  plans: readonly HistoryPlan[],
  recording: Recording,
): Promise<void> {
  for (const faults of recording.given.faults) {
    // Only strong shards have a home to hand over.
    const meant = plans.filter(({ level }) => faults !== 'handovers' || level === 'strong');
    if (meant.length === 0) continue;
    try {
      for (const recorded of await recordTogether(lab, meant, faults, recording)) tell(recorded, recording);
    } catch (error) {
      const why = (error as Error).message;
      const names = meant.map((plan) => `${plan.name}-${faults}`);
      say(`${names.join(', ')}: could not be finished: ${why}`);
      recording.report.unfinished.push(...names.map((name) => ({ name, why })));
    }
  }
}

function tell(recorded: Recorded, { given, report }: Recording): void {
  report.recorded.push(recorded);
  const { file, lines, seconds, shape, verdict, porcupine } = recorded;
  const found = isKept(recorded) ? 'no promise broken' : JSON.stringify(verdict.broken);
  say(`${file}: ${lines} lines, ${shape.megabytes} MB, in ${seconds} s, ${found}`);
  if (shape.done < given.operations)
    report.unfinished.push({ name: file, why: `only ${shape.done} operations were done in time` });
  if (porcupine !== undefined) say(`   Porcupine: ${JSON.stringify(porcupine)}`);
  for (const { rule, what } of verdict.examples) say(`   ${rule}: ${what}`);
}

async function recordTogether(
  lab: FaultLab,
  plans: readonly HistoryPlan[],
  faults: FaultSet,
  { given, porcupine }: Recording,
): Promise<readonly Recorded[]> {
  const { out, operations, clients, seed } = given;
  const begun = performance.now();
  const wanted = plans.map((plan) => {
    const run = `${plan.name}-${faults}`;
    const perSecond = Math.max(operations / secondsWanted, perSecondMin);
    return { plan, run, clients, operations, perSecond, path: join(out, `${run}.jsonl`) };
  });
  const journals = await recordHistories(wanted, {
    ...{ lab, seed, millisMax, faultMillisMax, faults: faultPlans[faults] },
  });
  const seconds = secondsSince(begun);
  const judged: Recorded[] = [];
  for (const [at, { plan, run, path }] of wanted.entries()) {
    const history = (journals[at] as Journal).history();
    const bounds = plan.types === 'bounded-counter' ? { bounds: { min: 0 } } : {};
    const verdict = judgeConsistency(history, { level: plan.level, regions: lab.regions.length, ...bounds });
    const lines = history.operations.length + history.faults.length + history.finals.length;
    const shape = shapeOf(history, { path, clients });
    const outside = plan.level === 'strong' ? await porcupine?.judge(history.operations) : undefined;
    judged.push({
      ...{ file: `${run}.jsonl`, seconds, lines, shape, verdict },
      ...(outside === undefined ? {} : { porcupine: outside }),
    });
  }
  return judged;
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
