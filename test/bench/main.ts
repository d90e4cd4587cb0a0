import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, usage, type BenchArguments } from './arguments.js';
import type { Bench, BenchResult } from './bench.js';
import { capacityBench } from './capacity/capacity-bench.js';
import { applyBench } from './apply/apply-bench.js';
import { conflictsBench } from './conflicts/conflicts-bench.js';
import { lagBench } from './lag/lag-bench.js';
import { latencyBench } from './latency/latency-bench.js';
import { catchUpBench } from './catch-up/catch-up-bench.js';
import { distanceBench } from './distance/distance-bench.js';
import { growthBench } from './growth/growth-bench.js';
import { overloadBench } from './overload/overload-bench.js';
import { stallBench } from './stall/stall-bench.js';
import { describeMachine, loadAverage } from './machine.js';
import { renderPlot } from './plot.js';
import { besideOthers } from './others.js';
import { progressOn } from './progress.js';
import { openServers } from './servers.js';
import { readBench } from './read/read-bench.js';
import { textBench } from './text/text-bench.js';
import { renderResult, renderSummary } from './table.js';
import { writeBench } from './write/write-bench.js';

/** In the order in which they run. */
const benches: readonly Bench[] = [
  writeBench,
  readBench,
  applyBench,
  textBench,
  conflictsBench,
  latencyBench,
  capacityBench,
  lagBench,
  distanceBench,
  stallBench,
  catchUpBench,
  growthBench,
  overloadBench,
];

/**
 * `npm run bench`: measures, prints a table for people and, with `--json`, every figure for machines. Exits with 0 when
 * all was measured; only `--judge` makes a missed target an error.
 */
async function main(given: BenchArguments): Promise<boolean> {
  const { only, jsonFile, plotDirectory, judge, stack, ...settings } = given;
  const progress = progressOn(process.stderr);
  const began = new Date();
  const loadBefore = loadAverage();
  const servers = await openServers(stack, (step) => progress.now(step));
  const results: BenchResult[] = [];
  try {
    const machine = describeMachine();
    const postgres = await servers.versions();
    /** After each bench: what one of them cannot measure is no reason to lose what the others did. */
    const keep = (): void => {
      const load = { before: loadBefore, after: loadAverage() };
      const { scale, driver } = settings;
      const report = {
        began: began.toISOString(),
        scale,
        driver,
        machine,
        loadAverage: load,
        postgres,
        benches: results,
      };
      if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(report, undefined, 2)}\n`);
    };
    keep();
    for (const bench of benches.filter(({ name }) => only.length === 0 || only.includes(name))) {
      const result = await besideOthers(servers, () => bench.run({ ...settings, servers, progress }));
      results.push(result);
      keep();
      progress.clear();
      process.stdout.write(`${renderResult(result)}\n`);
    }
    process.stdout.write(
      `${renderSummary(results)}\n\n${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.distribution}, ${machine.system}, ` +
        `Node ${machine.node}, Postgres ${postgres.postgres}; load average ${loadBefore} before, ${loadAverage()} after\n`,
    );
    if (plotDirectory !== undefined) drawPlots(plotDirectory, results);
  } finally {
    await servers.close();
  }
  const missed = results.some(
    ({ targets, voidBecause }) => voidBecause.length > 0 || targets.some(({ reached }) => !reached),
  );
  return !(judge && missed);
}

function drawPlots(directory: string, results: readonly BenchResult[]): void {
  mkdirSync(directory, { recursive: true });
  for (const plot of results.flatMap(({ plots = [] }) => plots))
    writeFileSync(join(directory, `${plot.name}.svg`), renderPlot(plot));
}

function read(): BenchArguments {
  try {
    return readArguments(
      process.argv.slice(2),
      benches.map(({ name }) => name),
    );
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

process.exitCode = (await main(read())) ? 0 : 1;
