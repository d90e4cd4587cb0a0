import type { Progress } from './progress.js';

/** Per side one measured slice of each round. */
export type Rounds<Sides> = { readonly [Name in keyof Sides]: readonly Sides[Name][] };

type Measures<Sides> = { readonly [Name in keyof Sides]: (round: number) => Promise<Sides[Name]> };

/**
 * Slices of all sides follow each other within a round, in turned order every other time: what slows the machine for a
 * while slows all of them.
 */
export async function alternating<Sides extends object>(
  {
    bench,
    rounds,
    progress,
  }: { readonly bench: string; readonly rounds: number; readonly progress: Progress },
  measures: Measures<Sides>,
): Promise<Rounds<Sides>> {
  const names = Object.keys(measures) as (keyof Sides & string)[];
  const all = Object.fromEntries(names.map((name) => [name, [] as unknown[]])) as Record<string, unknown[]>;
  for (let number = 0; number < rounds; number += 1) {
    const order = number % 2 === 1 ? [...names].reverse() : names;
    for (const [at, name] of order.entries()) {
      const done = number * names.length + at;
      progress.now(`${bench}: round ${number + 1} of ${rounds}, ${name}`, done / (rounds * names.length));
      all[name]?.push(await measures[name](number));
    }
  }
  return all as Rounds<Sides>;
}
