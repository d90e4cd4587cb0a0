import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dev } from '../dev/run-dev.js';
import { openJournal } from '../judge/journal.js';
import { startLagProbe } from '../load/lag-probe.js';
import { createWorkload } from '../load/workload.js';
import { CommandFailed, exitCodes } from '../terminal/exit.js';
import type { Output } from '../terminal/output.js';
import { awaitConvergence } from './convergence.js';
import { readBefore, replayLines } from './replay-step.js';
import { replayText } from './document-step.js';
import { playAll } from './examples-step.js';
import { historyPathOf, type TourReport, type TourRun, type UnjudgedReport } from './report.js';
import type { TourInput } from './tour-input.js';
import { judgeTour } from './judge-step.js';
import { showVerdict } from './show-verdict.js';
import { timeSteps } from './timed-steps.js';

export interface TourOptions {
  readonly dev: Dev;
  readonly input: TourInput;
  /** How long the regions took to be ready. */
  readonly startSeconds: number;
  /** Where the verdict goes as JSON. */
  readonly report: string | undefined;
  readonly output: Output;
}

const convergeMillisMax = 60_000;

/**
 * The tour: replays real data through all regions while a link is cut and healed, plays an example of each thing the
 * product exists for, waits until all regions have everything, and judges the run by the clients' own journal.
 *
 * @returns whether all that is demanded is so
 */
export async function runTour({ dev, input, startSeconds, report, output }: TourOptions): Promise<boolean> {
  const startedAt = new Date();
  const run = startedAt.getTime().toString(36);
  const historyPath = report === undefined ? undefined : historyPathOf(report);
  const journal = await openJournal(`tour-${run}`, historyPath);
  const { clients, stack } = dev;
  const workload = createWorkload(journal, clients);
  const steps = timeSteps(output, { start: startSeconds });
  const converge = (): Promise<void> => awaitConvergence(clients, convergeMillisMax);
  const ran = (): TourRun => ({
    seconds: steps.seconds(),
    regions: clients.map(({ region }) => region),
    history: historyPath === undefined ? null : basename(historyPath),
    startedAt: startedAt.toISOString(),
    node: process.version,
  });
  const tell = async (found: TourReport | UnjudgedReport): Promise<void> => {
    if (report !== undefined) {
      await writeFile(report, `${JSON.stringify(found, null, 2)}\n`);
      output.say(`report ${report}, history of the clients ${historyPath ?? ''}`);
    }
    if (output.form === 'json') output.answer(found, () => undefined);
  };
  try {
    const before = await readBefore(clients, input.lines);
    const probe = await startLagProbe(clients, run);
    const retail = await steps.run('replay', () =>
      replayLines({ workload, stack, input, output, journal, probe }),
    );
    const lagMillis = await probe.finish();
    const document = await steps.run('document', () => replayText({ workload, stack, input, output, run }));
    const examples = await steps.run('examples', () => playAll({ workload, stack, run, output, converge }));
    await steps.run('converge', converge);
    const judged = await steps.run('judge', () =>
      judgeTour({ clients, journal, input, before, retail, document, examples }),
    );
    const found: TourReport = { ...judged, lagMillis, ...ran() };
    showVerdict(found, output);
    await tell(found);
    return found.passed;
  } catch (error) {
    if (!(error instanceof CommandFailed) || error.exitCode !== exitCodes.notConverged) throw error;
    // What did not converge cannot be judged further, and that is a verdict too.
    const found: UnjudgedReport = { passed: false, failures: [error.message], converged: false, ...ran() };
    output.say(`   FAILED: ${error.message}`);
    await tell(found);
    return false;
  } finally {
    await journal.close();
  }
}
