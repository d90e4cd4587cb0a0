import type { Spread } from './statistics.js';

/** A bar for each side, with a line from the lowest to the highest slice. */
export interface Plot {
  /** File name without `.svg`. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly {
    readonly label: string;
    readonly value: Pick<Spread, 'median' | 'low' | 'high'>;
  }[];
  /** What was to be reached, as a line across. */
  readonly wanted?: number;
  /** For values that differ by orders of magnitude. */
  readonly logarithmic?: boolean;
}

const [width, labelWidth, valueWidth, rowHeight, head] = [760, 270, 130, 26, 44];

/** A bar chart as SVG that needs nothing else, readable on light and dark pages. */
export function renderPlot({ title, unit, bars, wanted, logarithmic }: Plot): string {
  const room = width - labelWidth - valueWidth;
  const values = bars.flatMap(({ value }) => [value.high, value.median]);
  const highest = Math.max(...values, wanted ?? 0, Number.MIN_VALUE);
  const lows = [...bars.map(({ value }) => value.low), wanted ?? highest].filter((value) => value > 0);
  const floor = Math.min(...lows, highest) / 2;
  const at = (value: number): number => {
    const share =
      logarithmic === true
        ? Math.log(Math.max(value, floor) / floor) / Math.log(highest / floor)
        : value / highest;
    return labelWidth + room * Math.max(0, Math.min(1, share));
  };
  const height = head + bars.length * rowHeight + 12;
  const rows = bars.map(({ label, value }, index) => {
    const top = head + index * rowHeight;
    const middle = top + rowHeight / 2;
    return [
      `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${labelWidth}" y="${top + 5}" width="${px(at(value.median) - labelWidth)}" height="${rowHeight - 10}" fill="#3b82c4"/>`,
      `<path d="M${px(at(value.low))} ${middle}H${px(at(value.high))}" stroke="#e08a1e" stroke-width="2"/>`,
      `<text x="${px(Math.max(at(value.high), at(value.median)) + 6)}" y="${middle + 4}">${numeral(value.median)} ${escape(unit)}</text>`,
    ].join('');
  });
  const line =
    wanted === undefined
      ? ''
      : `<path d="M${px(at(wanted))} ${head - 4}V${height - 8}" stroke="#c0392b" stroke-dasharray="4 3"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#777">`,
    `<text x="8" y="20" font-size="14">${escape(title)}</text>`,
    ...rows,
    line,
    '</svg>',
    '',
  ].join('\n');
}

function px(value: number): string {
  return value.toFixed(1);
}

function numeral(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, digits === 0 ? ' ' : '');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
