import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.js';

/** Where built things are kept between runs. */
export interface Cache {
  readonly root: string;
  /** Said when the wanted place could not be used. */
  readonly note?: string;
}

/** True when the directory is (or could be made) ours: a real directory of this user that can be written. */
function usable(root: string): boolean {
  try {
    if (!existsSync(root)) {
      mkdirSync(root, { recursive: true });
      chmodSync(root, 0o755);
    }
    const stat = lstatSync(root);
    accessSync(root, constants.W_OK | constants.X_OK);
    return stat.isDirectory() && stat.uid === userInfo().uid;
  } catch {
    return false;
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

/**
 * Chooses the cache: `$ATOLL_CACHE`, else `~/.cache/atoll`, else a directory of this user among the temporary files.
 *
 * `uid` demands that another user can reach it, as a Postgres started by root must: root's home is closed to others.
 * When nothing can be used, the cache is a directory that goes away with the stack.
 */
export function chooseCache(ledger: Ledger, uid?: number): Cache {
  const wanted = process.env['ATOLL_CACHE'] ?? join(homedir(), '.cache', 'atoll');
  const candidates = [wanted, join(reachableTmpdir(uid), `atoll-cache-${userInfo().uid}`)];
  const found = candidates.find((root) => (uid === undefined || isReachableBy(uid, root)) && usable(root));
  if (found === wanted) return { root: found };
  if (found !== undefined)
    return { root: found, note: `cache at ${found}, because ${wanted} cannot be used` };
  const root = join(ledger.runDirectory, 'cache');
  mkdirSync(root, { recursive: true, mode: 0o755 });
  return { root, note: `nothing is cached, because ${wanted} cannot be used` };
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
  readonly build: (directory: string) => Promise<void>;
}): Promise<string> {
  const { cache, name, ledger, build } = options;
  const place = join(cache.root, name);
  if (existsSync(place)) return place;
  const lock = join(cache.root, `${name}.lock`);
  while (!(await ledger.lock(lock))) await sleep(100);
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
  const draft = mkdtempSync(`${place}.building-`);
  try {
    ledger.addTemporaryDirectory(draft);
    chmodSync(draft, 0o755);
    await build(draft);
    renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    ledger.forgetTemporaryDirectory(draft);
  }
}
