import type { CounterName, Telemetry } from '#flow/ports/telemetry.js';

/** Counts, for tests that ask how often something happened. */
export class MemoryTelemetry implements Telemetry {
  readonly counts = new Map<CounterName, number>();
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>> | undefined;
  }[] = [];

  count(name: CounterName, _labels?: Readonly<Record<string, string>>, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  gauge(): void {
    // Nobody asks.
  }

  observe(): void {
    // Nobody asks.
  }

  log(level: string, message: string, details?: Readonly<Record<string, unknown>>): void {
    if (level === 'error' || level === 'warn') this.lines.push({ level, message, details });
  }
}
