import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unlock } from '#io/devstack/file-lock.js';
import {
  descendants,
  inhabitants,
  killTree,
  signal,
  waitUntilGone,
  type ProcessIdentity,
} from '#io/devstack/processes.js';
import { readRecord, type RecordedProcess } from '#io/devstack/stack-record.js';

/** How long servers whose data is kept may take to shut down in order before they are killed. */
const orderlyShutdownMillisMax = 3_000;
/** Postgres' immediate shutdown is quick; a kill would leave its shared memory behind. */
const immediateShutdownMillisMax = 1_500;

function farewell(kind: RecordedProcess['kind'], keepsData: boolean): NodeJS.Signals {
  if (kind === 'postgres') return keepsData ? 'SIGINT' : 'SIGQUIT';
  return kind === 'kafka' && keepsData ? 'SIGTERM' : 'SIGKILL';
}

/** Ends the given processes: asked first where that matters, killed with everything below them when they linger. */
async function endProcesses(processes: readonly RecordedProcess[], keepsData: boolean): Promise<void> {
  const below = descendants(processes);
  for (const one of processes) signal(one, farewell(one.kind, keepsData));
  const everyone: ProcessIdentity[] = [...processes, ...below];
  const millisMax = keepsData ? orderlyShutdownMillisMax : immediateShutdownMillisMax;
  if (!(await waitUntilGone(everyone, millisMax))) await killTree(everyone);
}

/**
 * Removes the System V segment that a killed Postgres leaves: the kernel keeps it until somebody does.
 * Line 7 of `postmaster.pid` names it by key and id; both must match, and nobody may be attached.
 */
function removeSharedMemory(dataDirectory: string): void {
  try {
    const line = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[6] ?? '';
    const [key, id] = line.trim().split(/\s+/);
    if (key === undefined || id === undefined) return;
    const orphaned = readFileSync('/proc/sysvipc/shm', 'utf8')
      .split('\n')
      .map((segment) => segment.trim().split(/\s+/))
      .some(
        (segment) =>
          Number(segment[0]) >>> 0 === Number(key) >>> 0 && segment[1] === id && segment[6] === '0',
      );
    if (orphaned) execFileSync('ipcrm', ['-m', id], { stdio: 'ignore' });
  } catch {
    // No pid file after an orderly shutdown, no /proc, or no ipcrm: 56 bytes stay until the next boot.
  }
}

/**
 * Ends every process of the stack whose record is in `runDirectory` and removes what it must not leave behind. The record
 * goes last, so that a sweep that was cut short can be done again. Without a record there is nothing to do.
 */
export async function sweep(runDirectory: string): Promise<void> {
  const record = readRecord(runDirectory);
  if (record === undefined) return;
  await endProcesses(record.processes, record.keepsData);
  await killTree(inhabitants([...record.temporaryDirectories, runDirectory]));
  for (const directory of record.postgresDirectories) removeSharedMemory(directory);
  for (const directory of record.temporaryDirectories) remove(directory);
  for (const lock of record.locks) unlock(lock);
  remove(runDirectory);
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
