import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { once } from 'node:events';
import {
  historyOf,
  type FaultKind,
  type FaultLine,
  type FinalLine,
  type History,
  type HistoryLine,
  type OperationLine,
} from './history-line.js';
import { readHistoryLine } from './read-history-line.js';

/** What a client fills in; run, consistency and acks have the defaults of a plain write. */
export type JournaledOperation = Omit<OperationLine, 'run' | 'consistency' | 'acks' | 'stalenessMillis'> &
  Partial<Pick<OperationLine, 'consistency' | 'acks' | 'stalenessMillis'>>;

/**
 * The load generator's own record of what it asked and was told. It is written as the run goes, and kept in memory for
 * the judge; it never asks the service anything.
 */
export interface Journal {
  readonly run: string;
  readonly operations: readonly OperationLine[];
  /** All that was recorded so far. */
  history(): History;
  /** Now, in the clock of this journal's times. */
  nanoseconds(): string;
  operation(operation: JournaledOperation): OperationLine;
  fault(fault: FaultKind, target: string, detail: string): void;
  final(line: Omit<FinalLine, 'run' | 'final'>): void;
  /** Resolves when all lines are in the file. */
  close(): Promise<void>;
}

/** Opens a journal at `path`, which is replaced; without a path it is kept in memory only. */
export async function openJournal(run: string, path: string | undefined): Promise<Journal> {
  const file = path === undefined ? undefined : await openFile(path);
  const operations: OperationLine[] = [];
  const faults: FaultLine[] = [];
  const finals: FinalLine[] = [];
  const write = (line: HistoryLine): void => void file?.write(`${JSON.stringify(line)}\n`);
  return {
    run,
    operations,
    history: () => ({ operations, faults, finals }),
    nanoseconds: () => process.hrtime.bigint().toString(),
    operation(operation) {
      const line = { run, consistency: 'eventual', acks: 'local', stalenessMillis: null, ...operation };
      operations.push(line);
      write(line);
      return line;
    },
    fault(fault, target, detail) {
      const line: FaultLine = { run, fault, target, at: process.hrtime.bigint().toString(), detail };
      faults.push(line);
      write(line);
    },
    final(final) {
      const line: FinalLine = { run, final: true, ...final };
      finals.push(line);
      write(line);
    },
    async close() {
      if (file === undefined) return;
      file.end();
      await once(file, 'close');
    },
  };
}

async function openFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path, { mode: 0o644, highWaterMark: 1 << 20 });
  await once(stream, 'open');
  return stream;
}

/** Reads a whole history file. @throws SyntaxError naming the line that is none. */
export async function loadHistory(path: string): Promise<History> {
  const lines: HistoryLine[] = [];
  for await (const line of readHistory(path)) lines.push(line);
  return historyOf(lines);
}

/** Reads a history file line by line. @throws SyntaxError naming the line that is none. */
export async function* readHistory(path: string): AsyncGenerator<HistoryLine, void> {
  const file = await open(path);
  let number = 0;
  try {
    for await (const text of file.readLines()) {
      number += 1;
      if (text === '') continue;
      yield parseLine(text, `${path}:${number}`);
    }
  } finally {
    await file.close();
  }
}

function parseLine(text: string, place: string): HistoryLine {
  try {
    return readHistoryLine(text);
  } catch (error) {
    throw new SyntaxError(`${place}: ${(error as Error).message}`, { cause: error });
  }
}
