/** Where a run tells what it is doing. */
export interface Progress {
  /** What is measured now; replaces the line before it. */
  now(text: string): void;
  /** Ends the line, so that something else can be printed. */
  clear(): void;
}

export interface ProgressScreen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const clearLine = '\r\u001b[K';

/** One line that is written over and over on a terminal; anywhere else one line per step. */
export function progressOn(screen: ProgressScreen): Progress {
  const live = screen.isTTY === true;
  const began = performance.now();
  return {
    now(text) {
      const line = `${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}`;
      screen.write(live ? clearLine + line.slice(0, (screen.columns ?? 80) - 1) : `${line}\n`);
    },
    clear() {
      if (live) screen.write(clearLine);
    },
  };
}
