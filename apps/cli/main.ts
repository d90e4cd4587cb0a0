import { Command, CommanderError, Option } from 'commander';
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
import { exitCodeOf, exitCodes } from './terminal/exit.js';
import { createOutput, processStreams, type OutputForm, type Streams } from './terminal/output.js';

/**
 * A signal ends the dev stack in order and then this process. What fails meanwhile, because its regions are gone, is no
 * news. Before there is a stack, nobody else listens, and the signal ends the process as it always does.
 */
function watchForInterrupts(): () => boolean {
  let interrupted = false;
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(name, () => {
      interrupted = true;
      if (process.listenerCount(name) === 1) process.exit(128 + number);
    });
  }
  return () => interrupted;
}

function buildProgram(streams: Streams, isInterrupted: () => boolean): Command {
  const program = new Command('atoll')
    .description('Active-active, event-sourced replication for Postgres, over Kafka')
    .addOption(
      new Option('--output <form>', 'how answers are said').choices(['text', 'json']).default('text'),
    )
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  const invocation: Invocation = {
    async run(work) {
      const output = createOutput(program.opts<{ output: OutputForm }>().output, streams);
      try {
        process.exitCode = await work(output);
      } catch (error) {
        if (isInterrupted()) return new Promise(() => undefined);
        tellFailure(error, output.form, streams);
        process.exitCode = exitCodeOf(error);
      }
      return undefined;
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
  addLinkCommands(program, invocation);
  addTraceCommand(program, invocation);
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

const streams = processStreams();
try {
  await buildProgram(streams, watchForInterrupts()).parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has said what is wrong; help and version are no failures.
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
// Connections that are kept alive must not keep the program.
process.exit();
