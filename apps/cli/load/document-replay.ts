import type { EntityRef } from '#client/wire.js';
import { changeInBatch, type WantedInBatch } from './batch.js';
import type { BareReplay, Run } from './document-plan.js';
import type { Workload } from './workload.js';

export interface DocumentReplay {
  readonly workload: Workload;
  readonly entity: EntityRef;
  /** Where each of the two writers works. */
  readonly regions: readonly [string, string];
  readonly runs: readonly Run[];
  readonly bare: BareReplay;
  readonly onRun?: (transactions: number) => void;
}

/**
 * Has two writers replay a document, each in a region of its own. Every transaction is an event with its yjs update; a
 * run of them goes out in one request, with the session token of the other writer's run that its writer had read: the
 * region answers once it has that run and has stored this one. Nobody sleeps or asks in vain.
 */
export async function replayDocument(replay: DocumentReplay): Promise<void> {
  const arrived = replay.runs.map(() => Promise.withResolvers<string | undefined>());
  const write = async (agent: 0 | 1): Promise<void> => {
    const processes = writerProcesses(replay, agent);
    for (const [index, run] of replay.runs.entries()) {
      if (run.agent !== agent) continue;
      const token = run.after === undefined ? undefined : await arrived[run.after]?.promise;
      arrived[index]?.resolve(await sendRun(replay, run, processes, token));
    }
  };
  const writers = [write(0), write(1)];
  try {
    await Promise.all(writers);
  } finally {
    // A writer that failed must not leave the other waiting for it.
    for (const one of arrived) one.resolve(undefined);
    await Promise.allSettled(writers);
  }
}

/** The transactions of a run are under way together, so each has a number of its own. */
function writerProcesses({ workload, runs }: DocumentReplay, agent: 0 | 1): readonly number[] {
  const longest = Math.max(
    0,
    ...runs.filter((run) => run.agent === agent).map((run) => run.transactions.length),
  );
  return Array.from({ length: longest }, () => workload.nextProcess());
}

async function sendRun(
  replay: DocumentReplay,
  run: Run,
  processes: readonly number[],
  token: string | undefined,
): Promise<string | undefined> {
  const { workload, entity, regions, bare, onRun } = replay;
  const updates = run.transactions.flatMap((index) => bare.updates[index] ?? []);
  const wanted = updates.map((update, at): WantedInBatch => ({
    process: processes[at] ?? 0,
    entity,
    operations: [{ field: 'body', op: 'update', update: Buffer.from(update).toString('base64') }],
  }));
  onRun?.(run.transactions.length);
  if (wanted.length === 0) return token;
  const { ends, session } = await changeInBatch(workload, regions[run.agent], wanted, token);
  const failed = ends.find((end) => end.kind !== 'ok');
  if (failed !== undefined) throw failed.error;
  return session;
}
