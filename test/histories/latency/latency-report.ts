import type { LatencyRow } from './measure-latency.js';

/** The target of a median: little more than the round trips that the operation needs. */
export function targetMillis({ neededMillis }: LatencyRow): number {
  return 1.3 * neededMillis + 15;
}

/** A Markdown table: a row per operation, a cell per region with `p50 / p99` and what it needs. */
export function latencyTable(rows: readonly LatencyRow[]): string {
  const regions = [...new Set(rows.map(({ region }) => region))];
  const head = ['operation', ...regions.flatMap((region) => [`${region} p50`, 'p99', 'needs'])];
  const lines = [...Map.groupBy(rows, ({ operation }) => operation)].map(([operation, same]) => [
    operation,
    ...regions.flatMap((region) => {
      const row = same.find((one) => one.region === region);
      if (row === undefined) return ['–', '–', '–'];
      return [millis(row.millis.p50), millis(row.millis.p99), millis(row.neededMillis)];
    }),
  ]);
  return [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}

function millis(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

const [left, barHeight, gap, groupGap, width, top] = [170, 9, 2, 12, 560, 34];
const colours = ['#0a6ebd', '#c2571a', '#3d8b37', '#7a4fa3', '#8a6d00'];

/** A bar per operation and region to its median, a line on to p99, and a mark at the round trips that it needs. */
export function latencyPlot(rows: readonly LatencyRow[]): string {
  const regions = [...new Set(rows.map(({ region }) => region))];
  const groups = [...Map.groupBy(rows, ({ operation }) => operation)];
  const most = Math.max(...rows.map((row) => Math.max(row.millis.p99, row.neededMillis)), 1);
  const scale = (value: number): number => left + (value / most) * width;
  const groupHeight = regions.length * (barHeight + gap) + groupGap;
  const height = top + groups.length * groupHeight + 30;
  const bars = groups.flatMap(([operation, same], group) => [
    `<text x="${left - 10}" y="${top + group * groupHeight + groupHeight / 2 - 4}" text-anchor="end">${operation}</text>`,
    ...same.map((row) => {
      const y = top + group * groupHeight + regions.indexOf(row.region) * (barHeight + gap);
      const middle = y + barHeight / 2;
      const colour = colours[regions.indexOf(row.region) % colours.length] ?? '';
      const [p50, p99, needed] = [row.millis.p50, row.millis.p99, row.neededMillis].map(scale) as [
        number,
        number,
        number,
      ];
      return [
        `<rect x="${left}" y="${y}" width="${round(p50 - left)}" height="${barHeight}" fill="${colour}"/>`,
        `<path d="M${round(p50)} ${middle}H${round(p99)}" stroke="${colour}"/>`,
        row.neededMillis > 0 ? `<path d="M${round(needed)} ${y - 1}v${barHeight + 2}" stroke="#111"/>` : '',
      ].join('');
    }),
  ]);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = round(scale(share * most));
    return `<path d="M${x} ${top - 6}V${height - 24}" stroke="#ddd"/><text x="${x}" y="${height - 8}" text-anchor="middle">${Math.round(share * most)} ms</text>`;
  });
  const legend = regions.map(
    (region, index) =>
      `<rect x="${left + index * 70}" y="8" width="10" height="10" fill="${colours[index % colours.length] ?? ''}"/><text x="${left + 14 + index * 70}" y="17">${region}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 40} ${height}" font-family="system-ui, sans-serif" font-size="11">
<title>Latency of each level by region: bar to the median, line to p99, mark at the round trips needed</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...ticks, ...legend, ...bars].join('\n')}
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
