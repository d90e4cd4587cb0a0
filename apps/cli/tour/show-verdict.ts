import type { Output } from '../terminal/output.js';
import type { TourReport } from './report.js';

/** Says what the tour found, for people. */
export function showVerdict(report: TourReport, output: Output): void {
  const { conflicts, retail, document, concurrency, retries, moves, cut, judged } = report;
  const said = (holds: boolean, yes: string, no: string): string => (holds ? yes : no);
  output.say('\n== verdict');
  output.table(
    {
      columns: ['asked', 'found'],
      rows: [
        ['regions read the same', said(report.converged, 'yes', 'NO')],
        ['acknowledged writes lost', `${report.lostWrites} of ${judged.looked.acknowledged}`],
        ['commands counted twice', String(report.doubleApplied)],
        ['conflicts recorded', String(conflicts.recorded)],
        ['  the same in all regions', said(conflicts.sameInAllRegions, 'yes', 'NO')],
        ['  those of the definition', said(conflicts.equalsOracle, 'yes', 'NO')],
        ['lines replayed', `${retail.linesReplayed}, ${retail.commandsPerSecond} commands a second`],
        ['  totals as in a sequential pass', said(retail.totalsEqualSequentialPass, 'yes', 'NO')],
        [
          '  concurrent with another region',
          `${concurrency.concurrent} commands, ${percent(concurrency.share)}`,
        ],
        ['  sent twice on purpose', `${retries.total}; ${retries.aliases} became aliases, counted once`],
        ['  customers who moved', `${moves.customers}, ${moves.readTheirWrites} read what they had written`],
        ['  link cut', `${cut.link} for ${cut.seconds} s`],
        [
          'document',
          `${document.transactions} transactions, ${document.longestChain} hops between the writers`,
        ],
        ['  as in a bare replay', said(document.equalsBareReplay && document.sameInAllRegions, 'yes', 'NO')],
        [
          'examples as expected',
          `${report.examples.filter(({ passed }) => passed).length} of ${report.examples.length}`,
        ],
      ],
    },
    '   ',
  );
  output.say('\n   from the stamp of a write to a reader in another region, in milliseconds');
  output.table(
    {
      columns: ['link', 'p50', 'p99', 'p99.9', 'samples'],
      rows: Object.entries(report.lagMillis).map(([link, { p50, p99, p999, samples }]) => [
        ...[link, String(p50), String(p99), String(p999), String(samples)],
      ]),
    },
    '   ',
  );
  output.say();
  for (const { what } of judged.findings) output.say(`   ${what}`);
  for (const failure of report.failures) output.say(`   FAILED: ${failure}`);
  const steps = Object.entries(report.seconds).map(([step, seconds]) => `${step} ${seconds}`);
  output.say(`   seconds: ${steps.join(', ')}`);
  output.say(report.passed ? '   The tour passed: converged, nothing lost.' : '   The tour FAILED.');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
