import { CommanderError } from 'commander';
import { buildProgram } from './program.js';
import { exitCodes } from './terminal/exit.js';
import { processStreams } from './terminal/output.js';

/**
 * A signal ends the dev stack in order and then this process. What fails meanwhile, because its regions are gone, is no
 * news. Before there is a stack, nobody else listens, and the signal ends the process as it always does.
 */
function watchForInterrupts(): () => number | undefined {
  let interruptedWith: number | undefined;
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(name, () => {
      interruptedWith ??= 128 + number;
      if (process.listenerCount(name) === 1) process.exit(interruptedWith);
    });
  }
  return () => interruptedWith;
}

try {
  const program = buildProgram({
    streams: processStreams(),
    interruptedWith: watchForInterrupts(),
    ended: (exitCode) => {
      process.exitCode = exitCode;
    },
  });
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has said what is wrong; help and version are no failures.
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
// Connections that are kept alive must not keep the program.
process.exit();
