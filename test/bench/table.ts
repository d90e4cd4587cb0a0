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

/** All targets of a run in one look: how many were reached, and which were not. */
export function renderSummary(results: readonly BenchResult[]): string {
  const judged = results.flatMap(({ name, targets }) => targets.map((target) => ({ name, ...target })));
  const missed = judged.filter(({ reached }) => !reached);
  const voids = results.filter(({ voidBecause }) => voidBecause.length > 0).map(({ name }) => name);
  const counted = `${judged.length} targets: ${judged.length - missed.length} reached, ${missed.length} missed`;
  const rows = missed.map(({ name, what, wanted, measured }) => ({
    side: name,
    cells: { missed: what, measured, wanted },
  }));
  return [
    voids.length === 0 ? counted : `${counted}; void: ${voids.join(', ')}`,
    ...(rows.length === 0 ? [] : ['', renderTable(rows), '', whereTold]),
  ].join('\n');
}

const whereTold = `Where the time goes, and what was tried: docs/benchmarks/README.md, "What limits it", and docs/PERFORMANCE.md.`;
