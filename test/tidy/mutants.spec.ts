import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readText, repositoryRoot } from './repository.js';

interface PlantedBug {
  readonly name: string;
  readonly file: string;
  readonly find: string;
}

it('every planted bug still has the one place where it is planted', async () => {
  const ledger: string = join(repositoryRoot, 'test', 'mutants', 'ledger.mjs');
  const { mutants } = (await import(ledger)) as { readonly mutants: readonly PlantedBug[] };
  const places = ({ file, find }: PlantedBug): number => readText(file).split(find).length - 1;
  expect(mutants.length).toBeGreaterThan(0);
  expect(mutants.filter((bug) => places(bug) !== 1).map(({ name }) => name)).toEqual([]);
});
