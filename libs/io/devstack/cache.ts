import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReachableBy, makeOpenDirectory, reachableTmpdir } from './directories.js';
import type { Ledger } from './ledger.js';
import type { Progress } from './progress.js';

/** Where built things are kept between runs. */
export interface Cache {
  readonly root: string;
  /** Said when the wanted place could not be used. */
  readonly note?: string;
}

/** True when the directory is (or could be made) ours: a real directory of this user that can be written. */
function usable(root: string): boolean {
  try {
    makeOpenDirectory(root);
    const stat = lstatSync(root);
    accessSync(root, constants.W_OK | constants.X_OK);
    return stat.isDirectory() && stat.uid === userInfo().uid;
  } catch {
    return false;
  }
}

/**
 * Chooses the cache: `$ATOLL_CACHE`, else `~/.cache/atoll`, else a directory of this user among the temporary files.
 *
 * `uid` demands that another user can reach it, as a Postgres started by root must: root's home is closed to others.
 * When nothing can be used, the cache is a directory that goes away with the stack.
 */
export function chooseCache(ledger: Ledger, uid?: number): Cache {
  const wanted = process.env['ATOLL_CACHE'] ?? join(homedir(), '.cache', 'atoll');
  const candidates = [wanted, join(reachableTmpdir(uid), `atoll-cache-${userInfo().uid}`)];
  const found = candidates.find((root) => usable(root) && (uid === undefined || isReachableBy(uid, root)));
  if (found === wanted) return { root: found };
  if (found !== undefined) {
    const because = uid === undefined ? 'it cannot be written' : `user ${uid} cannot reach it`;
    return { root: found, note: `cached in ${found} instead of ${wanted}: ${because}` };
  }
  const root = join(ledger.runDirectory, 'cache');
  makeOpenDirectory(root);
  return { root, note: `nothing is cached: neither ${candidates.join(' nor ')} can be used` };
}

/**
 * Gives the directory `name` of the cache, built by `build` when it is not there yet.
 *
 * It is built beside its place and then renamed, so that it is either whole or absent. Of several processes that want
 * it, one builds and the others wait; when the builder dies, the next one takes over.
 */
export async function cached(options: {
  readonly cache: Cache;
  readonly name: string;
  readonly ledger: Ledger;
  readonly progress: Progress;
  readonly build: (directory: string) => Promise<void>;
}): Promise<string> {
  const { cache, name, ledger, progress, build } = options;
  const place = join(cache.root, name);
  if (existsSync(place)) return place;
  const lock = join(cache.root, `${name}.lock`);
  for (let attempt = 0; !(await ledger.lock(lock)); attempt += 1) {
    if (attempt === 1) progress.note(`wait for another process that makes ${place}`);
    await sleep(100);
  }
  try {
    if (!existsSync(place)) await buildBeside(place, ledger, build);
  } finally {
    ledger.unlock(lock);
  }
  return place;
}

async function buildBeside(
  place: string,
  ledger: Ledger,
  build: (directory: string) => Promise<void>,
): Promise<void> {
  const draft = `${place}.building-${randomUUID()}`;
  try {
    ledger.addTemporaryDirectory(draft);
    makeOpenDirectory(draft);
    await build(draft);
    renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    ledger.forgetTemporaryDirectory(draft);
  }
}
