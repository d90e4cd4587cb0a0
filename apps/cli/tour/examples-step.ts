import type { DevStack } from '#io/devstack/stack.js';
import { cutAll, healAll } from '../dev/links.js';
import type { Workload } from '../load/workload.js';
import type { Output } from '../terminal/output.js';
import { examples } from './examples/examples.js';
import { playExamples, type PlayedExample } from './examples/play.js';

export interface ExamplesStep {
  readonly workload: Workload;
  readonly stack: DevStack;
  readonly run: string;
  readonly output: Output;
  readonly converge: () => Promise<void>;
}

/** Plays the examples with every link cut and then healed, and shows each as a table. */
export async function playAll(step: ExamplesStep): Promise<readonly PlayedExample[]> {
  const { workload, stack, run, output, converge } = step;
  const played = await playExamples(
    {
      ...{ workload, run, converge },
      regions: stack.regions.map(({ region }) => region),
      async part() {
        await cutAll(stack);
        workload.journal.fault('cut', 'every link', 'both ways');
      },
      async heal() {
        await healAll(stack);
        workload.journal.fault('heal', 'every link', 'both ways');
      },
    },
    examples,
  );
  for (const { name, lesson, table, expectations } of played) {
    output.say(`\n   ${name}: ${lesson}`);
    output.table(table, '     ');
    for (const { what, holds } of expectations) if (!holds) output.say(`     NOT SO: ${what}`);
  }
  return played;
}
