import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable, type Table } from './table.js';

export type OutputForm = 'text' | 'json';

/**
 * Where a command says things. As text: lines and tables on standard output. As JSON: one document on standard output
 * at the end, and nothing else there; progress goes to standard error.
 */
export interface Output {
  readonly form: OutputForm;
  /** For people: on standard output as text, on standard error beside JSON. */
  say(line?: string): void;
  table(table: Table, indent?: string): void;
  /** The answer of the command: the document as JSON, or what `asText` says. */
  answer(document: unknown, asText: () => void): void;
  /** One of several answers of the command, each a line of JSON. */
  each(document: unknown, asText: () => void): void;
  /** Said to people in either form, on standard error. */
  warn(line: string): void;
  /** Aborted when nobody reads the answers any more: what would go on telling for ever ends then. */
  readonly readerGone: AbortSignal;
}

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted when nobody reads `out` any more; absent where somebody always does. */
  readonly readerGone?: AbortSignal;
}

/** A reader that has gone away (`atoll … | head`) is no reason to fail, but one to end what goes on for its sake. */
export function processStreams(): Streams {
  const gone = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) gone.abort();
    });
  }
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readerGone: gone.signal,
  };
}

/** Waits before more is told; no longer than there is somebody to tell it to. */
export async function pause({ readerGone }: Output, millis: number): Promise<void> {
  await sleep(millis, undefined, { signal: readerGone }).catch((error: unknown) => {
    if (!readerGone.aborted) throw error;
  });
}

export function createOutput(form: OutputForm, streams: Streams): Output {
  const people = form === 'text' ? streams.out : streams.err;
  const output: Output = {
    form,
    say: (line = '') => people(`${line}\n`),
    table(table, indent) {
      for (const line of formatTable(table, indent)) people(`${line}\n`);
    },
    answer(document, asText) {
      if (form === 'json') streams.out(`${JSON.stringify(document, null, 2)}\n`);
      else asText();
    },
    each(document, asText) {
      if (form === 'json') streams.out(`${JSON.stringify(document)}\n`);
      else asText();
    },
    warn: (line) => streams.err(`${line}\n`),
    readerGone: streams.readerGone ?? new AbortController().signal,
  };
  return output;
}
