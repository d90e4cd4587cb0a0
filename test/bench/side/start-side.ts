import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SideReply, SideRequest } from './serve-side.js';

/** A side of a bench in a process of its own: neither its heap nor its event loop is another side's burden. */
export interface Side<Order, Answer> {
  readonly pid: number | undefined;
  ask(order: Order): Promise<Answer>;
  stop(): Promise<void>;
}

export interface SideProgram<Settings> {
  /** `new URL('./x-side.js', import.meta.url)` */
  readonly module: URL;
  readonly settings: Settings;
  /** Where the process leaves a CPU profile at its end. */
  readonly profileDirectory?: string;
}

const stopMillisMax = 20_000;

/** Starts a side and waits until it is ready. @throws Error with the side's own reason */
export async function startSide<Settings, Order, Answer>(
  program: SideProgram<Settings>,
): Promise<Side<Order, Answer>> {
  const { module, settings, profileDirectory } = program;
  const profiling =
    profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const child = fork(fileURLToPath(module), [], {
    execArgv: ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning', ...profiling],
    // Most of a moment's run is starting: the next process of the same program finds it compiled.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env },
    serialization: 'advanced',
    // A session of its own, as a service has: where sessions are scheduled as groups, all sides and regions of a run
    // would share what one process of a database server gets.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (reply: SideReply<Answer>) => void>();
  const opening = 0;
  let number = opening;
  const asked = (send: (number: number) => SideRequest<Settings, Order>): Promise<SideReply<Answer>> => {
    const mine = number++;
    return new Promise((resolve, reject) => {
      waiting.set(mine, resolve);
      child.send(send(mine), (error) => (error === null ? undefined : reject(error)));
    });
  };
  child.on('message', (reply: SideReply<Answer>) => {
    const mine = (reply.kind === 'opened' ? undefined : reply.number) ?? opening;
    waiting.get(mine)?.(reply);
    waiting.delete(mine);
  });
  child.once('exit', (code, signal) => {
    const reason = `a side of the bench ended by itself (${String(signal ?? code)})`;
    for (const resolve of waiting.values()) resolve({ kind: 'failed', reason });
  });
  const opened = await asked(() => ({ kind: 'open', settings }));
  if (opened.kind === 'failed') {
    await stop(child);
    throw new Error(opened.reason);
  }
  return {
    pid: child.pid,
    async ask(order) {
      const reply = await asked((mine) => ({ kind: 'order', number: mine, order }));
      if (reply.kind === 'answer') return reply.answer;
      throw new Error(reply.kind === 'failed' ? reply.reason : 'a side gave no answer');
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMillisMax);
  if (child.connected) child.send({ kind: 'close' } satisfies SideRequest<never, never>, () => undefined);
  await exited;
  clearTimeout(timer);
}
