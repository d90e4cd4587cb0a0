import { join } from 'node:path';
import { projectRoot } from '../dev/programs.js';
import { readDocumentFile, type DocumentTrace } from '../load/document-file.js';
import { InputError } from '../load/input-file.js';
import { readRetailFile, type RetailLine } from '../load/retail-file.js';

export interface TourInput {
  readonly lines: readonly RetailLine[];
  readonly trace: DocumentTrace;
  /** How many transactions of the trace are replayed. */
  readonly transactions: number;
}

export const retailFileDefault = join(projectRoot(), 'data', 'online-retail.csv.gz');
export const documentFileDefault = join(projectRoot(), 'data', 'friendsforever.json.gz');

/** Reads both files. @throws InputError naming the file and the place */
export async function readTourInput(flags: {
  readonly retail: string;
  readonly document: string;
  readonly documentTransactions: number;
}): Promise<TourInput> {
  const [lines, trace] = await Promise.all([readRetailFile(flags.retail), readDocumentFile(flags.document)]);
  if (flags.documentTransactions < 1) throw new InputError('--document-transactions takes at least 1');
  return {
    lines,
    trace,
    transactions: Math.min(flags.documentTransactions, trace.transactions.length),
  };
}
