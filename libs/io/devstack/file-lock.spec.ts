import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isStale, readLock, tryLock, unlock } from './file-lock.js';
import { identify, type ProcessIdentity } from './processes.js';

const dead: ProcessIdentity = { pid: 2 ** 22 + 1, startedAt: '0' };

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'atoll-lock-spec-'));
  path = join(directory, 'block.lock');
});

afterEach(() => rmSync(directory, { recursive: true }));

function me(): ProcessIdentity {
  const identity = identify(process.pid);
  if (identity === undefined) throw new Error('this process is alive');
  return identity;
}

const ownedBy = (...holders: ProcessIdentity[]) => ({ holders, runDirectory: '/somewhere' });

describe('a lock file', () => {
  it('is taken by one and refused to the next while a holder lives', () => {
    const first = tryLock(path, ownedBy(me()));
    expect(first.kind).toBe('acquired');
    expect(tryLock(path, ownedBy(me()))).toEqual({ kind: 'held', by: readLock(path) });
  });

  it('stays held when one of two holders is dead', () => {
    tryLock(path, ownedBy(dead, me()));
    expect(tryLock(path, ownedBy(me())).kind).toBe('held');
  });

  it('is taken over when all holders are dead, and tells whose it was', () => {
    tryLock(path, ownedBy(dead));
    const before = readLock(path);
    expect(before && isStale(before)).toBe(true);
    expect(tryLock(path, ownedBy(me()))).toMatchObject({ kind: 'acquired', after: before });
    expect(readdirSync(directory)).toEqual(['block.lock']);
  });

  it('is taken over although a former taker died in the act', () => {
    tryLock(path, ownedBy(dead));
    tryLock(`${path}.takeover`, ownedBy(dead));
    expect(tryLock(path, ownedBy(me())).kind).toBe('acquired');
    expect(readdirSync(directory)).toEqual(['block.lock']);
  });

  it('does not take a later process with the same pid for its holder', () => {
    tryLock(path, ownedBy({ pid: process.pid, startedAt: 'another time' }));
    expect(tryLock(path, ownedBy(me())).kind).toBe('acquired');
  });

  it('is not removed by somebody who has lost it', () => {
    tryLock(path, ownedBy(dead));
    const lost = { path, nonce: readLock(path)?.nonce ?? '' };
    const taken = tryLock(path, ownedBy(me()));
    unlock(lost);
    expect(readLock(path)).toBeDefined();
    if (taken.kind === 'acquired') unlock(taken);
    expect(readLock(path)).toBeUndefined();
  });

  it('is taken over by exactly one of many that saw its holder dead', async () => {
    const holder = me();
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ tryLock }) => {
        const won = workerData.paths.filter((path) => tryLock(path, workerData.owner).kind === 'acquired');
        parentPort.postMessage(won);
      });`;
    const paths = Array.from({ length: 100 }, (_, index) => join(directory, `${index}.lock`));
    for (const one of paths) tryLock(one, ownedBy(dead));
    const module = new URL('./file-lock.ts', import.meta.url).href;
    const race = Array.from({ length: 3 }, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      const worker = new Worker(source, {
        eval: true,
        execArgv: ['--conditions=atoll-source'],
        workerData: { module, paths, owner: ownedBy(holder) },
      });
      worker.once('message', resolve).once('error', reject);
      const won = await promise;
      await worker.terminate();
      return won;
    });
    const won = (await Promise.all(race)).flat();
    expect(won.sort()).toEqual([...paths].sort());
  });
});
