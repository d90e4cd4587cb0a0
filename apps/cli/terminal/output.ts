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
}

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** A reader that has gone away (`atoll … | head`) is no reason to fail. */
export function processStreams(): Streams {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
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
  };
  return output;
}
