import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeOpenDirectory } from './directories.js';

const root = mkdtempSync(join(tmpdir(), 'atoll-directories-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('an open directory', () => {
  it('is made with what is missing above it, for every user to enter', () => {
    makeOpenDirectory(join(root, 'a', 'b'));
    for (const path of ['a', 'a/b']) expect(statSync(join(root, path)).mode & 0o777).toBe(0o755);
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });

  it('is no place that a file has, nor one under it', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'under')]) {
      const refusal = expect.objectContaining({
        name: 'DevStackError',
        code: 'bad_option',
        message: `${path} cannot be a directory: a file has its place`,
      }) as Error;
      expect(() => makeOpenDirectory(path)).toThrow(refusal);
    }
  });
});
