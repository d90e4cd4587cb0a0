import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { DevStackError } from './errors.js';

/**
 * Makes a directory and what is missing above it, passable and readable for every user whatever the umask says.
 * Directories that are there already stay as they are.
 *
 * @throws DevStackError `bad_option` where something else has its place, `directory_unusable` where it cannot be made
 */
export function makeOpenDirectory(path: string): void {
  const target = resolve(path);
  const first = make(target);
  if (first === undefined) return;
  for (let at = target; at.length >= first.length; at = dirname(at)) chmodSync(at, 0o755);
}

/** The first directory that was missing. */
function make(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new DevStackError('bad_option', `${path} cannot be a directory: a file has its place`, { cause });
    throw new DevStackError('directory_unusable', `the directory ${path} cannot be made: ${message}`, {
      cause,
    });
  }
}

/** True when `uid` may pass through every directory above the path and enter it. */
export function isReachableBy(uid: number, path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (existsSync(at)) {
      const stat = statSync(at);
      const bit = stat.uid === uid ? 0o100 : 0o001;
      if ((stat.mode & bit) === 0) return false;
    }
    if (at === dirname(at)) return true;
  }
}

/** A temporary directory that `uid` can reach. */
export function reachableTmpdir(uid: number | undefined): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp'];
  return candidates.find((path) => uid === undefined || isReachableBy(uid, path)) ?? tmpdir();
}
