import * as Y from 'yjs';
import type { DocumentTrace, Transaction } from './document-file.js';
import { InputError } from './input-file.js';

/** Client ids of the two writers: with agent 0's the smaller, yjs ends where the trace's authors did. */
export const documentClientIds: readonly [number, number] = [101, 202];

export interface BareReplay {
  /** Per transaction the yjs update its writer made; `undefined` where it changed nothing. */
  readonly updates: readonly (Uint8Array | undefined)[];
  /** What a document that has all of them reads. */
  readonly text: string;
}

/**
 * Replays the first `count` transactions in one process: two yjs documents, one per writer, each given exactly the
 * other's transactions that the trace says it had seen. It is the truth the regions are compared with, and where the
 * updates that the two writers send come from.
 *
 * @throws InputError when a patch does not fit the text that its parents left.
 */
export function replayBare(trace: DocumentTrace, count: number, clientIds = documentClientIds): BareReplay {
  const writers = clientIds.map((clientId) => startWriter(clientId));
  const ofAgent: [Uint8Array[], Uint8Array[]] = [[], []];
  const updates: (Uint8Array | undefined)[] = [];
  for (const [index, transaction] of trace.transactions.slice(0, count).entries()) {
    const writer = writers[transaction.agent];
    if (writer === undefined) throw new InputError(`transaction ${index} has no writer`);
    const other = transaction.agent === 0 ? 1 : 0;
    writer.deliver(ofAgent[other].slice(writer.delivered(), transaction.seen[other]));
    const update = writer.edit(transaction, index);
    updates.push(update);
    ofAgent[transaction.agent].push(update ?? new Uint8Array());
  }
  const all = new Y.Doc();
  for (const update of updates) if (update) Y.applyUpdate(all, update);
  return { updates, text: all.getText(textName).toJSON() };
}

const textName = 'text';

interface Writer {
  delivered(): number;
  deliver(updates: readonly Uint8Array[]): void;
  edit(transaction: Transaction, index: number): Uint8Array | undefined;
}

function startWriter(clientId: number): Writer {
  const document = new Y.Doc();
  document.clientID = clientId;
  const text = document.getText(textName);
  let delivered = 0;
  let made: Uint8Array | undefined;
  document.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin === 'edit') made = update;
  });
  return {
    delivered: () => delivered,
    deliver(updates) {
      if (updates.length === 0) return;
      document.transact(() => {
        for (const update of updates) if (update.length > 0) Y.applyUpdate(document, update);
      }, 'other');
      delivered += updates.length;
    },
    edit(transaction, index) {
      made = undefined;
      document.transact(() => {
        for (const { position, deleted, inserted } of transaction.patches) {
          if (position + deleted > text.length) {
            throw new InputError(
              `transaction ${index}: a patch reaches beyond the text (${text.length} characters)`,
            );
          }
          if (deleted > 0) text.delete(position, deleted);
          if (inserted !== '') text.insert(position, inserted);
        }
      }, 'edit');
      return made;
    },
  };
}

/** Transactions that one writer makes without looking up: sent together, one event each. */
export interface Run {
  readonly agent: 0 | 1;
  /** Indexes of the transactions, in order. */
  readonly transactions: readonly number[];
  /** Index of the other writer's run that must have arrived before; `undefined`: none. */
  readonly after: number | undefined;
}

/**
 * Cuts the first `count` transactions into runs: a writer goes on in one run until a transaction has seen more of the
 * other than the one before it, or until the run has `runLengthMax` of them.
 */
export function runsOf(trace: DocumentTrace, count: number, runLengthMax: number): readonly Run[] {
  const runs: (Run & { readonly transactions: number[] })[] = [];
  const runOf: [number[], number[]] = [[], []];
  const current: [number | undefined, number | undefined] = [undefined, undefined];
  const looked: [number, number] = [0, 0];
  for (const [index, { agent, seen }] of trace.transactions.slice(0, count).entries()) {
    const other = agent === 0 ? 1 : 0;
    const open = current[agent] === undefined ? undefined : runs[current[agent]];
    const goesOn =
      open !== undefined && seen[other] <= looked[agent] && open.transactions.length < runLengthMax;
    if (goesOn) open.transactions.push(index);
    else {
      const after = seen[other] > 0 ? runOf[other][seen[other] - 1] : undefined;
      runs.push({ agent, transactions: [index], after });
      current[agent] = runs.length - 1;
      looked[agent] = seen[other];
    }
    runOf[agent].push(current[agent] ?? 0);
  }
  return runs;
}

/** The longest chain of hops from one writer to the other and back: what the delay of the link multiplies. */
export function longestChain(runs: readonly Run[]): number {
  const hops: number[] = [];
  const latest: [number, number] = [0, 0];
  for (const { agent, after } of runs) {
    const reached = Math.max(latest[agent], after === undefined ? 0 : (hops[after] ?? 0) + 1);
    hops.push(reached);
    latest[agent] = reached;
  }
  return Math.max(0, ...hops);
}
