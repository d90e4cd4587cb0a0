/** Where a run tells what it is doing. */
export interface Progress {
  /** What is measured now; replaces the line before it. `share` of the bench that is done, 0 to 1, where it is known. */
  now(text: string, share?: number): void;
  /** Ends the line, so that something else can be printed. */
  clear(): void;
}

export interface ProgressScreen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const clearLine = '\r\u001b[K';
const barWidth = 20;

/** One line that is written over and over on a terminal; anywhere else one line per step. */
export function progressOn(screen: ProgressScreen): Progress {
  const live = screen.isTTY === true;
  const began = performance.now();
  return {
    now(text, share) {
      const time = ((performance.now() - began) / 1000).toFixed(0).padStart(4);
      const line = `${time} s  ${share === undefined ? '' : `${bar(share)}  `}${text}`;
      screen.write(live ? clearLine + line.slice(0, (screen.columns ?? 80) - 1) : `${line}\n`);
    },
    clear() {
      if (live) screen.write(clearLine);
    },
  };
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`;
}
