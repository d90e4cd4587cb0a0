import type { BenchResult, TableRow } from './bench.js';

/** Columns in order of their first appearance, the first one to the left, figures to the right. */
export function renderTable(rows: readonly TableRow[]): string {
  const columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const lines = [
    ['', ...columns],
    ...rows.map(({ side, cells }) => [side, ...columns.map((c) => cells[c] ?? '')]),
  ];
  const widths = ['', ...columns].map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))),
    )
    .map((line) => `  ${line.join('  ')}`.trimEnd())
    .join('\n');
}

export function renderResult({
  name,
  title,
  rows,
  targets,
  configuration,
  voidBecause,
  costs = [],
}: BenchResult): string {
  const settings = Object.entries(configuration).map(([side, how]) => `  ${side}: ${how}`);
  const judged = targets.map(
    ({ what, wanted, measured, reached }) =>
      `  ${reached ? 'reached' : 'MISSED '}  ${what}: ${measured} (wanted ${wanted})`,
  );
  const voids = voidBecause.map((reason) => `  VOID     ${reason}`);
  const card = costs.length === 0 ? [] : ['  per event:', renderTable(costs), ''];
  return [
    `${name}: ${title}`,
    '',
    renderTable(rows),
    '',
    ...card,
    ...judged,
    ...voids,
    '',
    ...settings,
    '',
  ].join('\n');
}
