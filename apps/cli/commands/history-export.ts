import { writeFile } from 'node:fs/promises';
import { Argument, Option, type Command } from 'commander';
import { toDbcop } from '../export/dbcop.js';
import { toElle } from '../export/elle.js';
import type { Exported } from '../export/exported.js';
import { toPlume } from '../export/plume.js';
import { toPorcupine } from '../export/porcupine.js';
import type { SessionRule } from '../export/register-sessions.js';
import type { OperationLine } from '../judge/history-line.js';
import { loadHistory } from '../judge/journal.js';
import { InputError, whyUnreadable, whyUnwritable } from '../load/input-file.js';
import { exitCodes, usage } from '../terminal/exit.js';
import type { Invocation } from './invocation.js';

const formats = ['elle', 'plume', 'dbcop', 'porcupine'] as const;
type Format = (typeof formats)[number];

interface ExportFlags {
  readonly format: Format;
  readonly sessions: SessionRule;
  readonly to?: string;
}

/** `atoll history export`: a client history for an outside checker. */
export function addHistoryExport(history: Command, invocation: Invocation): void {
  history
    .command('export')
    .description('write a recorded client history in the form of an outside checker')
    .addArgument(new Argument('<file>', 'a history, one JSON object per line'))
    .addOption(new Option('--format <name>', 'whose form').choices([...formats]).makeOptionMandatory())
    .addOption(
      new Option('--sessions <rule>', 'plume, dbcop: what is a session: a token chain, or a process')
        .choices(['token', 'process'])
        .default('token'),
    )
    .option('--to <file>', 'where it goes; without it, to standard output')
    .action((file: string, flags: ExportFlags) =>
      invocation.run(async (output) => {
        const { format, to } = flags;
        if (to === undefined && output.form === 'json')
          throw usage('with --output json, say --to: standard output has room for one document');
        const exported = convert(await readOperations(file), flags);
        const { operations, leftOut } = exported;
        if (to === undefined) output.say(exported.text.trimEnd());
        else await write(to, exported.text);
        if (to !== undefined)
          output.answer({ file, format, to, operations, leftOut }, () =>
            output.say(`${to}: ${operations} operations for ${format}, ${leftOut} left out`),
          );
        return exitCodes.ok;
      }),
    );
}

function convert(operations: readonly OperationLine[], { format, sessions }: ExportFlags): Exported {
  switch (format) {
    case 'elle':
      return toElle(operations);
    case 'plume':
      return toPlume(operations, sessions);
    case 'dbcop':
      return toDbcop(operations, sessions, operations[0]?.run ?? '');
    case 'porcupine':
      return toPorcupine(operations);
  }
}

async function readOperations(file: string): Promise<readonly OperationLine[]> {
  try {
    return (await loadHistory(file)).operations;
  } catch (error) {
    if (error instanceof SyntaxError) throw new InputError(error.message, { cause: error });
    const why = whyUnreadable(error);
    if (why !== undefined) throw new InputError(`${file}: ${why}`, { cause: error });
    throw error;
  }
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    const why = whyUnwritable(error);
    if (why !== undefined) throw new InputError(`--to ${path}: ${why}`, { cause: error });
    throw error;
  }
}
