import { parseJson } from '#core/parse-json.js';
import { InputError, readInputText } from './input-file.js';

/** One transaction of a writer: edits to the text as its parents left it, in UTF-16 units. */
export interface Transaction {
  readonly agent: 0 | 1;
  /** How many transactions of each agent it had seen, its own earlier ones included. */
  readonly seen: readonly [number, number];
  readonly patches: readonly Patch[];
}

export interface Patch {
  readonly position: number;
  readonly deleted: number;
  readonly inserted: string;
}

export interface DocumentTrace {
  /** In an order in which every transaction comes after its parents. */
  readonly transactions: readonly Transaction[];
  /** What the two writers had in the end. */
  readonly endContent: string;
}

/**
 * Reads an editing trace of two writers (the `concurrent_traces` form).
 *
 * @throws InputError naming the transaction.
 */
export async function readDocumentFile(path: string): Promise<DocumentTrace> {
  return parseDocument(await readInputText(path), path);
}

export function parseDocument(text: string, name: string): DocumentTrace {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new InputError(`${name}: this is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(json) || !Array.isArray(json['txns'])) {
    throw new InputError(
      `${name}: expected an object with a list "txns", as in the concurrent editing traces`,
    );
  }
  if (json['numAgents'] !== 2) throw new InputError(`${name}: expected "numAgents": 2, two writers`);
  const txns: readonly unknown[] = json['txns'];
  if (txns.length === 0) throw new InputError(`${name}: the list "txns" is empty`);
  const endContent = typeof json['endContent'] === 'string' ? json['endContent'] : '';
  return { transactions: readTransactions(txns, name), endContent };
}

function readTransactions(txns: readonly unknown[], name: string): readonly Transaction[] {
  const transactions: Transaction[] = [];
  const written: [number, number] = [0, 0];
  for (const [index, entry] of txns.entries()) {
    const place = `${name}: transaction ${index}`;
    if (!isRecord(entry)) throw new InputError(`${place} is not an object`);
    const { agent } = entry;
    if (agent !== 0 && agent !== 1) throw new InputError(`${place}: "agent" must be 0 or 1`);
    const seen = seenBy(entry['parents'], transactions, place);
    if (seen[agent] !== written[agent]) {
      throw new InputError(`${place}: agent ${agent} has not seen its own transaction before it`);
    }
    written[agent] += 1;
    seen[agent] = written[agent];
    transactions.push({ agent, seen, patches: readPatches(entry['patches'], place) });
  }
  return transactions;
}

function seenBy(parents: unknown, before: readonly Transaction[], place: string): [number, number] {
  if (!Array.isArray(parents))
    throw new InputError(`${place}: "parents" must be a list of earlier transactions`);
  const seen: [number, number] = [0, 0];
  for (const parent of parents as readonly unknown[]) {
    const found = typeof parent === 'number' ? before[parent] : undefined;
    if (found === undefined)
      throw new InputError(`${place}: parent ${String(parent)} does not come before it`);
    seen[0] = Math.max(seen[0], found.seen[0]);
    seen[1] = Math.max(seen[1], found.seen[1]);
  }
  return seen;
}

function readPatches(patches: unknown, place: string): readonly Patch[] {
  if (!Array.isArray(patches)) throw new InputError(`${place}: "patches" must be a list`);
  return (patches as readonly unknown[]).map((patch) => {
    const [position, deleted, inserted] = Array.isArray(patch) ? (patch as readonly unknown[]) : [];
    if (!isCount(position) || !isCount(deleted) || typeof inserted !== 'string') {
      throw new InputError(
        `${place}: a patch must be [position, deleted, inserted], not ${JSON.stringify(patch)}`,
      );
    }
    return { position, deleted, inserted };
  });
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
