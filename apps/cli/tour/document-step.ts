import { createHash } from 'node:crypto';
import type { DevStack } from '#io/devstack/stack.js';
import { rankedPairs } from '../dev/links.js';
import { longestChain, replayBare, runsOf } from '../load/document-plan.js';
import { replayDocument } from '../load/document-replay.js';
import type { Workload } from '../load/workload.js';
import type { EntityRef } from '#client/wire.js';
import type { Output } from '../terminal/output.js';
import type { TourInput } from './tour-input.js';

export interface DocumentStep {
  readonly workload: Workload;
  readonly stack: DevStack;
  readonly input: TourInput;
  readonly output: Output;
  readonly run: string;
}

export interface ReplayedDocument {
  readonly entity: EntityRef;
  readonly writers: readonly [string, string];
  readonly transactions: number;
  readonly runs: number;
  readonly longestChain: number;
  /** What a bare replay in one process reads. */
  readonly text: string;
}

/** A run is one request: at most so many changes, as regions take them. */
const runLengthMax = 500;

/** Two writers, in the two regions with the shortest way between them, write one document. */
export async function replayText({
  workload,
  stack,
  input,
  output,
  run,
}: DocumentStep): Promise<ReplayedDocument> {
  const { shortest } = await rankedPairs(stack);
  const entity: EntityRef = { type: 'note', id: `document.${run}` };
  const bare = replayBare(input.trace, input.transactions);
  const runs = runsOf(input.trace, input.transactions, runLengthMax);
  const chain = longestChain(runs);
  output.say(
    `   ${input.transactions} transactions by two writers, in ${shortest.join(' and ')}: ${runs.length} runs, ` +
      `and a chain of ${chain} hops from one to the other and back`,
  );
  await replayDocument({ workload, entity, regions: shortest, runs, bare });
  return {
    ...{ entity, writers: shortest, transactions: input.transactions },
    ...{ runs: runs.length, longestChain: chain, text: bare.text },
  };
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 16);
}
