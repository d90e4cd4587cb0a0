import { setTimeout as pause } from 'node:timers/promises';
import { openJournal, type Journal } from '#cli/judge/journal.js';
import { recordFinals } from '#cli/load/evidence.js';
import { createWorkload } from '#cli/load/workload.js';
import { awaitConvergence } from '#cli/tour/convergence.js';
import type { FaultLab } from '../integration/faults/fault-lab.js';
import { FaultBook } from './fault-book.js';
import type { FaultStep } from './fault-plans.js';
import { startHistoryLoad, type HistoryLoad } from './history-clients.js';
import type { HistoryPlan } from './level-plans.js';

/** One of the histories that are recorded at the same time. */
export interface HistoryWanted {
  readonly plan: HistoryPlan;
  /** Name of the run; entities are named after it. */
  readonly run: string;
  readonly clients: number;
  readonly operations: number;
  readonly perSecond: number;
  /** Where the history goes; absent: it is kept in memory only. */
  readonly path?: string;
}

export interface RecordOptions {
  readonly lab: FaultLab;
  readonly faults: readonly FaultStep[];
  readonly seed: number;
  /** Then the run ends with fewer operations. */
  readonly millisMax: number;
  /** All faults are done and over within so long, also where they let clients do little. Default: `millisMax`. */
  readonly faultMillisMax?: number;
}

/** How long a weak write is tried, in all regions in turn, before its outcome is called unknown. */
const patienceMillis = 12_000;
const convergeMillisMax = 90_000;
const stepPollMillis = 25;

/**
 * Records histories of several plans at the same time, through the same faults: clients of each in all regions, on entities
 * of their own; then the faults are over, all regions get everything, and what each reads of each entity is written down.
 */
export async function recordHistories(
  wanted: readonly HistoryWanted[],
  options: RecordOptions,
): Promise<readonly Journal[]> {
  const { lab, faults } = options;
  const journals = await Promise.all(wanted.map(({ run, path }) => openJournal(run, path)));
  const loads = wanted.map((one, at) => startLoad(one, journals[at] as Journal, options));
  await carryOut(faults, new FaultBook(lab, journals), () =>
    Math.max(...loads.map((load) => load.progress())),
  );
  await Promise.all(loads.map(({ ended }) => ended));
  await awaitConvergence(lab.clients, convergeMillisMax).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await lab.diagnosis()}`, { cause: error });
  });
  for (const journal of journals) {
    await Promise.all(lab.clients.map((client) => recordFinals(client, journal)));
    await journal.close();
  }
  return journals;
}

function startLoad(
  { plan, run, clients, operations, perSecond }: HistoryWanted,
  journal: Journal,
  { lab, seed, millisMax, faultMillisMax = millisMax }: RecordOptions,
): HistoryLoad {
  return startHistoryLoad({
    workload: createWorkload(journal, lab.clients, patienceMillis),
    ...{ regions: lab.regions, run, seed, clients, operations, perSecond, millisMax },
    ...{ paceMillis: faultMillisMax, kinds: plan.kinds, limits: plan.limits, asked: plan.asked },
    swaps: plan.level === 'strong',
  });
}

/** All steps are carried out, also when the loads end early: what was broken must be whole in the end. */
async function carryOut(
  faults: readonly FaultStep[],
  book: FaultBook,
  progress: () => number,
): Promise<void> {
  for (const { at, act } of faults) {
    while (progress() < at) await pause(stepPollMillis);
    await act(book);
  }
}
