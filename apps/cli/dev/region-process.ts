import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { parseJson } from '#core/parse-json.js';
import { CommandFailed, exitCodes } from '../terminal/exit.js';
import { regionEnvironment, type RegionProcessSettings } from './region-settings.js';

/** A running process of a region, child of this one. */
export interface RegionProcess {
  readonly region: string;
  /** `us-1`: the region and the number of the process in it. */
  readonly name: string;
  readonly httpUrl: string;
  readonly grpcAddress: string;
  readonly pid: number;
  readonly logFile: string;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Asks it to stop, and kills it when it lingers. */
  stop(graceMillis: number): Promise<void>;
}

export interface RegionProcessOptions extends RegionProcessSettings {
  readonly name: string;
  /** Path of the compiled program. */
  readonly program: string;
  readonly logFile: string;
  readonly readyMillisMax: number;
}

/**
 * Starts a process of a region and waits until it says that it is ready.
 *
 * Its working directory lies in the stack's own, so that the stack's watcher ends it too when this process is killed.
 */
export async function startRegionProcess(options: RegionProcessOptions): Promise<RegionProcess> {
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(process.execPath, ['--enable-source-maps', options.program], {
    cwd: dirname(options.stack.descriptor.controlSocket),
    detached: true, // Ctrl-C in the terminal reaches the parent alone, which stops its children in order
    stdio: ['ignore', 'pipe', log],
    env: { ...inheritedEnvironment(), ...regionEnvironment(options) },
  });
  closeSync(log);
  const ended = once(child, 'exit').then(
    () => undefined,
    () => undefined,
  );
  await waitUntilReady(child, ended, options);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    region: options.region,
    name: options.name,
    httpUrl: `http://127.0.0.1:${options.ports.http}`,
    grpcAddress: `127.0.0.1:${options.ports.grpc}`,
    pid: child.pid ?? 0,
    logFile: options.logFile,
    isRunning,
    ended,
    signal: (name) => void child.kill(name),
    async stop(graceMillis) {
      if (!isRunning()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMillis);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Nothing of ours from outside may steer a child, and no inspector port is shared. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('ATOLL_') && name !== 'NODE_OPTIONS' && !name.startsWith('VITEST'),
  );
  return { ...Object.fromEntries(entries), NODE_ENV: 'production' };
}

async function waitUntilReady(
  child: ChildProcess,
  ended: Promise<void>,
  options: RegionProcessOptions,
): Promise<void> {
  const { promise: ready, resolve } = Promise.withResolvers<'ready'>();
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (isReadyLine(line)) resolve('ready');
    });
  }
  const timeout = AbortSignal.timeout(options.readyMillisMax);
  const { promise: late, resolve: giveUp } = Promise.withResolvers<'late'>();
  timeout.addEventListener('abort', () => giveUp('late'), { once: true });
  const outcome = await Promise.race([ready, late, ended.then(() => 'ended' as const)]);
  if (outcome === 'ready') return;
  child.kill('SIGKILL');
  await ended;
  const what =
    outcome === 'late'
      ? `was not ready after ${Math.round(options.readyMillisMax / 1000)} s`
      : 'ended while starting';
  const tail = readFileSync(options.logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
  throw new CommandFailed(exitCodes.failedCheck, `region process ${options.name} ${what}. It said:\n${tail}`);
}

function isReadyLine(line: string): boolean {
  if (!line.startsWith('{')) return false;
  try {
    return (parseJson(line) as { ready?: unknown }).ready === true;
  } catch {
    return false;
  }
}
