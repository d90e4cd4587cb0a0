import { setTimeout as sleep } from 'node:timers/promises';
import { RequestRefused } from '#client/errors.js';
import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';
import type { BatchChange, WriteResult } from '#client/wire.js';
import { pauseAfter, readFailure, type WriteEnd } from '#client/write-until-known.js';
import { clientOf, journalWrite, partOf, type WantedChange, type Workload } from './workload.js';

/** How a batch ended: each of its changes, and the token that covers what was written. */
export interface SentBatch {
  readonly ends: readonly WriteEnd[];
  readonly session: string | undefined;
}

/** A change of a batch, with the number of the client in whose name it is sent. */
export interface WantedInBatch extends WantedChange {
  readonly process: number;
}

/**
 * Sends changes as one batch, and those whose outcome is open again, until all are known. Each is journaled as a line of
 * its own client; they are under way at the same time, so no two may share a client.
 */
export async function changeInBatch(
  workload: Workload,
  region: string,
  wanted: readonly WantedInBatch[],
  session?: string,
): Promise<SentBatch> {
  const client = clientOf(workload, region);
  const invoked = workload.journal.nanoseconds();
  const changes = wanted.map(({ entity, operations, observed, mutationId }): BatchChange => ({
    ...entity,
    operations,
    ...(observed === undefined ? {} : { observed }),
    mutationId: mutationId ?? newMutationId(region),
  }));
  const sent = await sendUntilKnown(client, changes, workload.patienceMillis, session);
  const { ends } = sent;
  for (const [index, { entity, operations, process }] of wanted.entries()) {
    const { mutationId = '' } = changes[index] ?? {};
    const end = ends[index] as WriteEnd;
    const parts = operations.map((operation) => partOf(entity, operation));
    journalWrite(workload, { process, sessionName: null, region, parts, mutationId, invoked, end });
  }
  return sent;
}

async function sendUntilKnown(
  client: RegionClient,
  changes: readonly BatchChange[],
  patienceMillis: number,
  session: string | undefined,
): Promise<SentBatch> {
  const deadline = performance.now() + patienceMillis;
  const ends = new Array<WriteEnd | undefined>(changes.length).fill(undefined);
  const mayBeDone = new Array<boolean>(changes.length).fill(false);
  let token = session;
  for (let tries = 1; ; tries += 1) {
    const open = changes.map((_, index) => index).filter((index) => ends[index] === undefined);
    const isLast = performance.now() > deadline;
    const asked = open.map((index) => changes[index] as BatchChange);
    const { outcomes, issued } = await sendOnce(client, asked, token);
    token = issued ?? token;
    for (const [at, index] of open.entries()) {
      const outcome = outcomes[at] as SentOnce;
      if (outcome.kind === 'ok') {
        ends[index] = { kind: 'ok', write: outcome.write, tries };
        continue;
      }
      const { error, retryable } = outcome;
      mayBeDone[index] ||= outcome.mayBeDone;
      if (!retryable || isLast) ends[index] = { kind: mayBeDone[index] ? 'unknown' : 'fail', error, tries };
    }
    if (ends.every((end) => end !== undefined)) return { ends, session: token };
    await sleep(pauseAfter(tries));
  }
}

type SentOnce =
  | { readonly kind: 'ok'; readonly write: WriteResult }
  | {
      readonly kind: 'failed';
      readonly error: Error;
      readonly retryable: boolean;
      readonly mayBeDone: boolean;
    };

async function sendOnce(
  client: RegionClient,
  changes: readonly BatchChange[],
  session: string | undefined,
): Promise<{ readonly outcomes: readonly SentOnce[]; readonly issued: string | null }> {
  try {
    const answer = await client.batch(changes, session === undefined ? {} : { session });
    const outcomes = answer.outcomes.map((outcome): SentOnce =>
      outcome.ok
        ? { kind: 'ok', write: outcome.write }
        : { kind: 'failed', ...readFailure(new RequestRefused(outcome.error)) },
    );
    return { outcomes, issued: answer.session };
  } catch (error) {
    const failure = readFailure(error);
    return { outcomes: changes.map((): SentOnce => ({ kind: 'failed', ...failure })), issued: null };
  }
}
