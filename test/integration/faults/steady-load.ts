import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';
import { writeUntilKnown } from '#client/write-until-known.js';
import { openJournal } from '#cli/judge/journal.js';
import { judge } from '#cli/judge/judge.js';
import type { Verdict } from '#cli/judge/verdict.js';
import { finalValues, loggedEvents, readAll, readHistories, touchedBy } from '#cli/load/evidence.js';
import { paceOf } from '#cli/load/progress.js';
import { readRetailFile } from '#cli/load/retail-file.js';
import { commandsOf } from '#cli/load/retail-plan.js';
import { createWorkload, journalWrite, partOf, type Workload } from '#cli/load/workload.js';
import { awaitConvergence } from '#cli/tour/convergence.js';
import { readBefore } from '#cli/tour/replay-step.js';
import { retailFileDefault } from '#cli/tour/tour-input.js';
import type { FaultLab } from './fault-lab.js';

export interface SteadyLoad {
  readonly workload: Workload;
  /** What the counters read before it began: loads of one lab write to the same entities. */
  readonly before: ReadonlyMap<string, number>;
  /** Commands whose outcome is known so far. */
  done(): number;
  /** Stops taking new commands, and waits until the outcome of every one is known or given up. */
  stop(): Promise<{ readonly commands: number; readonly perSecond: number }>;
}

export interface SteadyLoadOptions {
  readonly perSecond: number;
  readonly clientsPerRegion: number;
  /** How long one command is tried. */
  readonly patienceMillis?: number;
  /** Regions that clients write to; all of them when nothing is said. */
  readonly into?: readonly string[];
}

/**
 * Replays the retail lines through all regions, again and again, at a steady rate. A client that gets no answer tries the
 * other processes of its region and then the other regions, always with the command's mutation id.
 */
export async function startSteadyLoad(lab: FaultLab, options: SteadyLoadOptions): Promise<SteadyLoad> {
  const { perSecond, clientsPerRegion, patienceMillis = 60_000 } = options;
  const lines = await readRetailFile(retailFileDefault);
  const commands = lines.flatMap((line) => commandsOf(line));
  const before = await readBefore(lab.clients, lines);
  const journal = await openJournal('faults', undefined);
  const workload = createWorkload(journal, lab.clients, patienceMillis);
  const pace = paceOf(perSecond);
  const begun = performance.now();
  let next = 0;
  let done = 0;
  let stopped = false;
  const into = options.into ?? lab.regions;
  const client = async (region: string): Promise<void> => {
    const process = workload.nextProcess();
    const targets = targetsOf(lab, region, into);
    while (!stopped) {
      await pace.take(1);
      if (stopped) return;
      const command = commands[next % commands.length];
      next += 1;
      if (command === undefined) return;
      const { entity, operation } = command;
      const mutationId = newMutationId(region);
      const invoked = journal.nanoseconds();
      const end = await writeUntilKnown(
        targets,
        (target) => target.change(entity, { operations: [operation] }, { mutationId, maxWaitMillis: 2_000 }),
        { deadlineMillis: patienceMillis, triesPerRegion: 2 },
      );
      journalWrite(workload, {
        ...{ process, sessionName: null, region, parts: [partOf(entity, operation)] },
        ...{ mutationId, invoked, end },
      });
      done += 1;
    }
  };
  const clients = into.flatMap((region) => Array.from({ length: clientsPerRegion }, () => client(region)));
  return {
    workload,
    before,
    done: () => done,
    async stop() {
      const seconds = (performance.now() - begun) / 1000;
      const rate = done / seconds;
      stopped = true;
      await Promise.all(clients);
      return { commands: done, perSecond: rate };
    },
  };
}

/** All processes of the own region first, then those of the others. */
function targetsOf(lab: FaultLab, region: string, into: readonly string[]): readonly RegionClient[] {
  const others = into.filter((other) => other !== region);
  return [region, ...others].flatMap((name) => lab.clientsOf(name));
}

export interface Judged extends Verdict {
  /** Events of the logs that a region counts as aliases. */
  readonly aliases: number;
}

/** Waits until all given regions have everything, and judges the journal against the logs and values of each. */
export async function convergeAndJudge(
  lab: FaultLab,
  { workload: { journal }, before }: Pick<SteadyLoad, 'workload' | 'before'>,
  {
    regions = lab.clients,
    millisMax = 60_000,
  }: { readonly regions?: readonly RegionClient[]; readonly millisMax?: number } = {},
): Promise<Judged> {
  await awaitConvergence(regions, millisMax).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await lab.diagnosis()}`, { cause: error });
  });
  const touched = touchedBy(journal.operations);
  const evidence = await Promise.all(
    regions.map(async (client) => {
      const [entities, histories] = [await readAll(client, touched), await readHistories(client, touched)];
      const { region } = client;
      return {
        logs: loggedEvents(region, histories),
        finals: finalValues(region, entities, journal.operations),
      };
    }),
  );
  const logs = evidence.flatMap((one) => one.logs);
  const verdict = judge({
    operations: journal.operations,
    regions: regions.map(({ region }) => region),
    logs,
    finals: evidence.flatMap((one) => one.finals),
    before,
  });
  const [first] = regions;
  return {
    ...verdict,
    aliases: logs.filter(({ alias, region }) => alias && region === first?.region).length,
  };
}
