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

export interface RecordOptions {
  readonly lab: FaultLab;
  readonly plan: HistoryPlan;
  readonly faults: readonly FaultStep[];
  /** Name of the run; entities are named after it. */
  readonly run: string;
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly perSecond: number;
  /** Then the run ends with fewer operations. */
  readonly millisMax: number;
  /** All faults are done and over within so long, also where they let clients do little. Default: `millisMax`. */
  readonly faultMillisMax?: number;
  /** Where the history goes; absent: it is kept in memory only. */
  readonly path?: string;
}

/** How long a weak write is tried, in all regions in turn, before its outcome is called unknown. */
const patienceMillis = 12_000;
const convergeMillisMax = 90_000;
const stepPollMillis = 25;

/**
 * Records one history: clients in all regions, faults in between; then the faults are over, all regions get everything,
 * and what each reads of each entity is written down.
 */
export async function recordHistory(options: RecordOptions): Promise<Journal> {
  const { lab, plan, faults, run, path } = options;
  const journal = await openJournal(run, path);
  const book = new FaultBook(lab, journal);
  const workload = createWorkload(journal, lab.clients, patienceMillis);
  const { seed, clients, operations, perSecond, millisMax } = options;
  const load = startHistoryLoad({
    ...{ workload, regions: lab.regions, run, seed, clients, operations, millisMax },
    ...{
      paceMillis: options.faultMillisMax ?? millisMax,
      perSecond,
      kinds: plan.kinds,
      limits: plan.limits,
      asked: plan.asked,
      swaps: plan.level === 'strong',
    },
  });
  await carryOut(faults, book, load);
  await load.ended;
  await awaitConvergence(lab.clients, convergeMillisMax).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await lab.diagnosis()}`, { cause: error });
  });
  await Promise.all(lab.clients.map((client) => recordFinals(client, journal)));
  await journal.close();
  return journal;
}

/** All steps are carried out, also when the load ends early: what was broken must be whole in the end. */
async function carryOut(faults: readonly FaultStep[], book: FaultBook, load: HistoryLoad): Promise<void> {
  for (const { at, act } of faults) {
    while (load.progress() < at) await pause(stepPollMillis);
    await act(book);
  }
}
