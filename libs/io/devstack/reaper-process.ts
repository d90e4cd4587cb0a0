/**
 * The watcher of a dev stack: a process of its own that outlives the one that started the stack, by any death.
 *
 * Its standard input is a pipe from the parent that carries nothing. When the pipe closes, the parent is gone or is
 * done with the stack, and everything in the stack's record is ended and removed. It is started by plain node, also
 * from source, and therefore imports by subpath only.
 */
import { sweep } from '#io/devstack/cleanup.js';

const runDirectory = process.argv[2];
if (runDirectory === undefined) throw new Error('reaper-process: the run directory is missing');

process.title = 'atoll-dev-stack-watcher';
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);

process.stdin.on('error', () => undefined);
process.stdin.once('close', () => {
  void sweep(runDirectory).finally(() => process.exit(0));
});
process.stdin.resume();
