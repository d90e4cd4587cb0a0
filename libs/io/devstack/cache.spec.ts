import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cached, chooseCache } from './cache.js';
import { isReachableBy } from './directories.js';
import { Ledger } from './ledger.js';
import { identify } from './processes.js';
import { progressTo } from './progress.js';

let root: string;
let ledger: Ledger;

function newLedger(): Ledger {
  const made = new Ledger(mkdtempSync(join(root, 'run-')), false);
  const me = identify(process.pid);
  made.setHolders(me === undefined ? [] : [me]);
  return made;
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'atoll-cache-spec-'));
  ledger = newLedger();
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function thing(build: (directory: string) => Promise<void>, by: Ledger = ledger): Promise<string> {
  const directory = join(root, 'cache');
  mkdirSync(directory, { recursive: true });
  return cached({ cache: { root: directory }, name: 'thing', ledger: by, progress: progressTo(), build });
}

describe('the cache', () => {
  it('builds a thing once, although many want it at once', async () => {
    const build = vi.fn(async (directory: string) => writeFileSync(join(directory, 'content'), 'whole'));
    const places = await Promise.all([1, 2, 3].map(() => thing(build, newLedger())));
    expect(build).toHaveBeenCalledTimes(1);
    expect(new Set(places).size).toBe(1);
    expect(readdirSync(places[0] ?? '')).toEqual(['content']);
    expect(readdirSync(join(root, 'cache'))).toEqual(['thing']);
  });

  it('keeps nothing of a build that failed, and builds again', async () => {
    const failing = thing(async (directory) => {
      writeFileSync(join(directory, 'content'), 'half');
      throw new Error('no disk');
    });
    await expect(failing).rejects.toThrow('no disk');
    expect(readdirSync(join(root, 'cache'))).toEqual([]);
    await expect(thing(async () => undefined)).resolves.toBe(join(root, 'cache', 'thing'));
  });

  it('is where the environment says', () => {
    vi.stubEnv('ATOLL_CACHE', join(root, 'deep', 'below'));
    expect(chooseCache(ledger)).toEqual({ root: join(root, 'deep', 'below') });
    expect(existsSync(join(root, 'deep', 'below'))).toBe(true);
  });

  it('moves to the temporary files when its place is no directory of ours, and says so', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    vi.stubEnv('ATOLL_CACHE', file);
    const cache = chooseCache(ledger);
    expect(cache.root).not.toBe(file);
    expect(cache.note).toContain(file);
  });

  it('moves for another user who cannot reach it', () => {
    const closed = join(root, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o700);
    chmodSync(root, 0o755);
    vi.stubEnv('ATOLL_CACHE', join(closed, 'cache'));
    const stranger = 2 ** 31 - 2;
    expect(isReachableBy(stranger, root)).toBe(true);
    expect(isReachableBy(stranger, closed)).toBe(false);
    expect(chooseCache(ledger, stranger).root).not.toContain(closed);
    expect(chooseCache(ledger).root).toBe(join(closed, 'cache'));
  });
});

describe('a ledger that has been closed', () => {
  it('refuses what would be left behind', async () => {
    ledger.close();
    await expect(thing(async () => undefined)).rejects.toMatchObject({ code: 'start_failed' });
    expect(readdirSync(join(root, 'cache'))).toEqual([]);
  });
});
