import { Command, Option } from 'commander';
import { addConflictCommands } from './commands/conflicts.js';
import { addDevCommand } from './commands/dev.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addEntityCommands } from './commands/entities.js';
import { addHandoverCommand } from './commands/handover.js';
import type { Invocation } from './commands/invocation.js';
import { addLinkCommands } from './commands/link.js';
import { addRegionCommands } from './commands/region.js';
import { addRightsCommands } from './commands/rights.js';
import { addStatusCommand } from './commands/status.js';
import { addTraceCommand } from './commands/trace.js';
import { addTypeCommands } from './commands/type.js';
import { addWatchCommand } from './commands/watch.js';
import { exitCodeOf } from './terminal/exit.js';
import { createOutput, type OutputForm, type Streams } from './terminal/output.js';

export interface ProgramParts {
  readonly streams: Streams;
  /** The exit code of the signal that came, if one did: what fails after it is no news, and says nothing. */
  readonly interruptedWith: () => number | undefined;
  /** Told what the command ends with. */
  readonly ended: (exitCode: number) => void;
}

/** All commands of `atoll`. Usage errors are thrown as commander's own, when it has said what is wrong. */
export function buildProgram({ streams, interruptedWith, ended }: ProgramParts): Command {
  const program = new Command('atoll')
    .description('Active-active, event-sourced replication for Postgres, over Kafka')
    .addOption(
      new Option('--output <form>', 'how answers are said').choices(['text', 'json']).default('text'),
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .exitOverride();
  const invocation: Invocation = {
    async run(work) {
      const output = createOutput(program.opts<{ output: OutputForm }>().output, streams);
      try {
        ended(await work(output));
      } catch (error) {
        // Whoever started something has ended it before it threw: nothing is left to wait for.
        const interrupted = interruptedWith();
        if (interrupted === undefined) tellFailure(error, output.form, streams);
        ended(interrupted ?? exitCodeOf(error));
      }
    },
  };
  addDevCommand(program, invocation);
  addDoctorCommand(program, invocation);
  addStatusCommand(program, invocation);
  addEntityCommands(program, invocation);
  addConflictCommands(program, invocation);
  addHandoverCommand(program, invocation);
  addRegionCommands(program, invocation);
  addRightsCommands(program, invocation);
  addTypeCommands(program, invocation);
  addLinkCommands(program, invocation);
  addTraceCommand(program, invocation);
  addWatchCommand(program, invocation);
  return program;
}

function tellFailure(error: unknown, form: OutputForm, streams: Streams): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
  // An error of a class of ours is a sentence for people; any other is a bug, and its place is wanted.
  const foreseen = name !== 'Error' && !name.endsWith('TypeError') && !name.endsWith('RangeError');
  streams.err(`error: ${foreseen ? message : (stack ?? message)}\n`);
  if (form === 'json')
    streams.out(`${JSON.stringify({ error: { code: code ?? name, message } }, null, 2)}\n`);
}
