import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sweep } from './cleanup.js';
import { DevStackError } from './errors.js';
import { identify, type ProcessIdentity } from './processes.js';

/** The parent's side of the watcher process: holds the pipe whose end means "clean up". */
export interface Reaper {
  readonly identity: ProcessIdentity;
  /** Has the watcher clean up now, and waits until it has. Works also when somebody killed the watcher. */
  finish(): Promise<void>;
}

/** Starts the watcher of the stack whose record is in `runDirectory`. */
export async function startReaper(runDirectory: string): Promise<Reaper> {
  const extension = extname(fileURLToPath(import.meta.url)); // .ts from source, .js when compiled
  const script = fileURLToPath(new URL(`./reaper-process${extension}`, import.meta.url));
  const conditions = extension === '.ts' ? ['--conditions=atoll-source'] : [];
  const { NODE_OPTIONS: _inherited, ...env } = process.env;
  const child: ChildProcess = spawn(process.execPath, [...conditions, script, runDirectory], {
    cwd: '/',
    detached: true, // a session of its own: Ctrl-C in the terminal is for the parent alone
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  });
  const exited = once(child, 'exit').catch(() => undefined);
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new DevStackError('start_failed', 'the watcher process did not start');
  child.stdin?.on('error', () => undefined);
  child.unref();
  return {
    identity,
    async finish() {
      child.ref();
      child.stdin?.end();
      await exited;
      await sweep(runDirectory); // does nothing unless the watcher could not
    },
  };
}
