import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDelayMatrix } from '#io/devstack/delay-matrix.js';
import type { DevStack } from '#io/devstack/stack.js';
import { describeMachine, loadAverage } from '../../bench/machine.js';
import { openFaultLab } from '../../integration/faults/fault-lab.js';
import { typesModule } from '../types-module.js';
import { latencyPlot, latencyTable, targetMillis } from './latency-report.js';
import { measureLatency, type LatencyRow } from './measure-latency.js';

const regions = ['us', 'eu', 'ap'];
const home = 'us';

/** Measures what each level costs on the delay matrix; leaves `levels.json`, `levels.md` and `levels.svg` in a directory. */
export async function recordLatency(
  stack: DevStack,
  {
    out,
    samples,
    say,
  }: { readonly out: string; readonly samples: number; readonly say: (line: string) => void },
): Promise<void> {
  const matrix = loadDelayMatrix('global');
  const before = loadAverage();
  const lab = await openFaultLab(stack.descriptor, {
    ...{ regions, latency: 'global', config: typesModule({ types: 'latency' }) },
  });
  let rows: readonly LatencyRow[];
  try {
    rows = await measureLatency({ lab, matrix, samples, warmUps: Math.min(10, samples), home });
  } finally {
    await lab.close();
  }
  const table = latencyTable(rows);
  const report = {
    machine: describeMachine(),
    loadAverage: { before, after: loadAverage() },
    matrix,
    home,
    samples,
    rows,
  };
  await writeFile(join(out, 'levels.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(out, 'levels.md'), table);
  await writeFile(join(out, 'levels.svg'), latencyPlot(rows));
  say(table);
  for (const row of rows.filter((one) => one.neededMillis > 0 && one.millis.p50 > targetMillis(one)))
    say(
      `above its target of ${Math.round(targetMillis(row))} ms: ${row.operation} in ${row.region}, ${row.millis.p50.toFixed(1)} ms`,
    );
}
