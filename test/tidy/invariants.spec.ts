import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readText, repositoryRoot, trackedFiles } from './repository.js';

const page = 'docs/INVARIANTS.md';
const invariants = Array.from({ length: 15 }, (_, index) => `INV-${index + 1}`);
const text = existsSync(join(repositoryRoot, page)) ? readText(page) : '';

/** The lines of the page that are about each invariant: from its first mention at a line's start to the next one. */
function sections(): Map<string, string> {
  const found = new Map<string, string>();
  let current: string | undefined;
  for (const line of text.split('\n')) {
    const opens = /^[\s|*#-]*(INV-\d+)\b/.exec(line)?.[1];
    if (opens !== undefined) current = opens;
    else if (/^#/.test(line)) current = undefined;
    if (current !== undefined) found.set(current, `${found.get(current) ?? ''}${line}\n`);
  }
  return found;
}

const specsIn = (part: string): string[] =>
  [...part.matchAll(/[\w./-]+\.spec\.ts/g)].map((match) => match[0]);

describe('the page of invariants', () => {
  it('lists every invariant of the design', () => {
    if (text === '') return;
    expect([...sections().keys()].sort()).toEqual(expect.arrayContaining([...invariants].sort()));
  });

  it('names, for each, a test that exists, or says that it is not built yet', () => {
    const without = [...sections()].filter(
      ([, part]) => specsIn(part).length === 0 && !/not built yet/i.test(part),
    );
    expect(without.map(([invariant]) => invariant)).toEqual([]);
    expect(specsIn(text).filter((path) => !existsSync(join(repositoryRoot, path)))).toEqual([]);
  });
});

describe('a citation', () => {
  it('in a source file names an invariant of the design', () => {
    const cited = trackedFiles()
      .filter((path) => /\.(ts|sql|proto)$/.test(path) && existsSync(join(repositoryRoot, path)))
      .flatMap((path) =>
        [...readText(path).matchAll(/\bINV-\d+\b/g)].map((match) => ({ path, name: match[0] })),
      );
    expect(cited.filter(({ name }) => !invariants.includes(name))).toEqual([]);
  });
});
