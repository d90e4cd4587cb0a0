import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';
import { isAlive, killTree } from './processes.js';
import type { RecordedProcess } from './stack-record.js';

export interface ServerProcessOptions {
  /** As errors call it, such as `Postgres of eu`. */
  readonly title: string;
  readonly kind: 'postgres' | 'kafka';
  readonly command: string;
  readonly args: readonly string[];
  /** Also the mark by which a forgotten server is found: it stays there for life. */
  readonly cwd: string;
  readonly logFile: string;
  readonly ledger: Ledger;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** Asked every few milliseconds, with what was logged since this start. */
  readonly isReady: (pid: number, log: string) => boolean;
  readonly startMillisMax: number;
}

/** A running server of the stack: a process that logs to a file and lives in a session of its own. */
export interface ServerProcess {
  readonly identity: RecordedProcess;
  isRunning(): boolean;
  /** Kills it and all its children at once, as a lost machine would, and waits until they are gone. */
  kill(): Promise<void>;
  /** Resolves when its number is free again: until then Postgres takes a dead predecessor for a running one. */
  readonly reaped: Promise<void>;
}

/** Starts a server and waits until it is ready; when it is not, it is killed and the error ends with its log. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const log = openSync(options.logFile, 'a+', 0o600);
  const logStart = fstatSync(log).size;
  const { command, args, cwd, env, uid, gid, title, ledger, kind } = options;
  try {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      detached: true, // Ctrl-C in the terminal reaches the parent alone, which stops the servers in order
      stdio: ['ignore', log, log],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    const reaped = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const identity = ledger.addProcess(child.pid, kind);
    const spawnError = await spawned(child);
    if (identity === undefined) {
      throw new DevStackError('start_failed', `${title} did not start: ${spawnError ?? 'it ended at once'}`);
    }
    child.unref();
    await waitUntilReady({ options, child, identity, log, logStart });
    return {
      identity,
      isRunning: () => isAlive(identity),
      async kill() {
        await killTree([identity]);
        await reaped;
      },
      reaped,
    };
  } finally {
    closeSync(log);
  }
}

async function spawned(child: ChildProcess): Promise<string | undefined> {
  try {
    await once(child, 'spawn');
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function readFrom(file: number, start: number): string {
  const length = fstatSync(file).size - start;
  if (length <= 0) return '';
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, start);
  return bytes.toString('utf8');
}

async function waitUntilReady(watched: {
  readonly options: ServerProcessOptions;
  readonly child: ChildProcess;
  readonly identity: RecordedProcess;
  readonly log: number;
  readonly logStart: number;
}): Promise<void> {
  const { options, child, identity, log, logStart } = watched;
  const deadline = performance.now() + options.startMillisMax;
  for (;;) {
    const text = readFrom(log, logStart);
    if (options.isReady(identity.pid, text)) return;
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() > deadline) {
      await killTree([identity]);
      const seconds = Math.round(options.startMillisMax / 1000);
      const what = ended ? 'ended while starting' : `was not ready after ${seconds} s`;
      const tail = text.trim().split('\n').slice(-20).join('\n');
      throw new DevStackError('start_failed', `${options.title} ${what}. Its log says:\n${tail}`);
    }
    await sleep(20);
  }
}
