import type { Output } from '../terminal/output.js';

/** Runs the steps of a tour one after the other, says each, and keeps how long it took. */
export interface TimedSteps {
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** By step, and `total`. */
  seconds(): Readonly<Record<string, number>>;
}

export function timeSteps(output: Output, before: Readonly<Record<string, number>>): TimedSteps {
  const taken = new Map(Object.entries(before).map(([name, seconds]) => [name, rounded(seconds)]));
  return {
    async run(name, work) {
      output.say(`\n== ${name}`);
      const begun = performance.now();
      const result = await work();
      const seconds = rounded((performance.now() - begun) / 1000);
      taken.set(name, seconds);
      output.say(`   ${name} took ${seconds} s`);
      return result;
    },
    seconds: () => ({
      ...Object.fromEntries(taken),
      total: rounded([...taken.values()].reduce((sum, seconds) => sum + seconds, 0)),
    }),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
