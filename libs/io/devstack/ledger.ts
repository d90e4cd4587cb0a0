import { DevStackError } from './errors.js';
import { isStale, readLock, tryLock, unlock } from './file-lock.js';
import { identify, isAlive, signal, type ProcessIdentity } from './processes.js';
import { sweep } from './cleanup.js';
import { emptyRecord, writeRecord, type RecordedProcess } from './stack-record.js';

/**
 * The stack's record as its parent keeps it: each change is on disk before the call returns, so that the watcher knows
 * of everything the parent ever started.
 */
export class Ledger {
  readonly #record;
  #holders: readonly ProcessIdentity[] = [];
  #closed = false;

  readonly runDirectory: string;

  constructor(runDirectory: string, keepsData: boolean) {
    this.runDirectory = runDirectory;
    this.#record = emptyRecord(keepsData);
    this.#write();
  }

  /** Names the processes whose life keeps this stack's locks: the parent and the watcher. */
  setHolders(holders: readonly ProcessIdentity[]): void {
    this.#holders = holders;
  }

  /**
   * Ends the taking of notes: the record is being swept, and what would begin now would be left behind.
   * From here on everything new is refused.
   */
  close(): void {
    this.#closed = true;
  }

  /**
   * Writes down a process that has just been spawned. Without a pid the spawn failed, and there is nothing to note.
   * On a closed ledger the process is killed and this throws.
   */
  addProcess(pid: number | undefined, kind: RecordedProcess['kind']): RecordedProcess | undefined {
    const identity = pid === undefined ? undefined : identify(pid);
    if (identity === undefined) return undefined;
    if (this.#closed) signal(identity, 'SIGKILL');
    this.#refuseWhenClosed();
    const recorded = { ...identity, kind };
    this.#record.processes = [...this.#record.processes.filter(isAlive), recorded];
    this.#write();
    return recorded;
  }

  /** To be called before the directory is made: from its first moment somebody must know of it. */
  addTemporaryDirectory(directory: string): void {
    this.#refuseWhenClosed();
    this.#record.temporaryDirectories.push(directory);
    this.#write();
  }

  /** Forgets a directory that has been moved to where it shall stay, or removed. */
  forgetTemporaryDirectory(directory: string): void {
    this.#record.temporaryDirectories = this.#record.temporaryDirectories.filter((one) => one !== directory);
    this.#write();
  }

  addPostgresDirectory(directory: string): void {
    this.#refuseWhenClosed();
    this.#record.postgresDirectories.push(directory);
    this.#write();
  }

  /**
   * Takes a lock file if nobody living holds it; true when it is ours now.
   * What a dead holder's stack left running or lying about is removed first.
   */
  async lock(path: string): Promise<boolean> {
    this.#refuseWhenClosed();
    const attempt = tryLock(path, { holders: this.#holders, runDirectory: this.runDirectory });
    if (attempt.kind === 'held') return false;
    this.#record.locks.push({ path: attempt.path, nonce: attempt.nonce });
    this.#write();
    if (attempt.after !== undefined) await sweep(attempt.after.runDirectory);
    return true;
  }

  unlock(path: string): void {
    for (const lock of this.#record.locks.filter((one) => one.path === path)) unlock(lock);
    this.#record.locks = this.#record.locks.filter((one) => one.path !== path);
    this.#write();
  }

  #refuseWhenClosed(): void {
    if (this.#closed)
      throw new DevStackError('start_failed', 'the dev stack was stopped while it was starting');
  }

  #write(): void {
    if (!this.#closed) writeRecord(this.runDirectory, this.#record);
  }
}

/** The run directory of the living stack that holds this lock, if any. */
export function holderDirectory(path: string): string | undefined {
  const lock = readLock(path);
  return lock === undefined || isStale(lock) ? undefined : lock.runDirectory;
}
