import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parseJson } from '#core/parse-json.js';
import { isAlive, type ProcessIdentity } from '#io/devstack/processes.js';

/** What a lock file says. It is held while any of its holders lives. */
export interface LockContent {
  readonly nonce: string;
  readonly holders: readonly ProcessIdentity[];
  /** Where the holder keeps its record, so that a successor can clean up after it. */
  readonly runDirectory: string;
}

export type LockAttempt =
  | { readonly kind: 'acquired'; readonly path: string; readonly nonce: string; readonly after?: LockContent }
  | { readonly kind: 'held'; readonly by?: LockContent };

export function readLock(path: string): LockContent | undefined {
  try {
    return parseJson(readFileSync(path, 'utf8')) as LockContent;
  } catch {
    return undefined;
  }
}

/** True when every holder is dead, the watcher of its stack included. */
export function isStale(lock: LockContent): boolean {
  return !lock.holders.some(isAlive);
}

/**
 * Tries once to take the lock file at `path`; a dead holder's lock is taken over, and then reported as `after`.
 *
 * A dead holder's file is replaced only under a second lock, `<path>.takeover`, taken by the same rule: of two processes
 * that both saw the dead holder, the later one cannot throw away the lock of the earlier.
 */
export function tryLock(path: string, owner: Omit<LockContent, 'nonce'>): LockAttempt {
  const mine: LockContent = { nonce: randomUUID(), ...owner };
  const draft = `${path}.${mine.nonce}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o644 });
  try {
    // link() fails when the name exists, and the file is complete from its first moment.
    linkSync(draft, path);
    return { kind: 'acquired', path, nonce: mine.nonce };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw error;
    return takeOver(path, owner, { draft, nonce: mine.nonce });
  } finally {
    rmSync(draft, { force: true });
  }
}

function takeOver(
  path: string,
  owner: Omit<LockContent, 'nonce'>,
  mine: { draft: string; nonce: string },
): LockAttempt {
  const before = readLock(path);
  if (before === undefined || !isStale(before)) return { kind: 'held', by: before };
  const guard = tryLock(`${path}.takeover`, owner);
  if (guard.kind === 'held') return { kind: 'held', by: before };
  try {
    if (readLock(path)?.nonce !== before.nonce) return { kind: 'held' };
    renameSync(mine.draft, path);
    return { kind: 'acquired', path, nonce: mine.nonce, after: before };
  } catch {
    return { kind: 'held', by: before }; // another user's file in a sticky directory
  } finally {
    rmSync(guard.path, { force: true });
  }
}

/** Releases a lock unless it has become somebody else's. */
export function unlock(lock: { path: string; nonce: string }): void {
  if (readLock(lock.path)?.nonce === lock.nonce) rmSync(lock.path, { force: true });
}
