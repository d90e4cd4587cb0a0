import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly distribution: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${kernelNumber(release())}`,
    distribution: distribution(),
    node: process.version,
  };
}

/** Behind its number a kernel names whoever built or hosts it. */
function kernelNumber(named: string): string {
  return /^\d+(\.\d+)*/.exec(named)?.[0] ?? named;
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Runnable processes, averaged over the last minute: on a machine that others use too, it says how far to trust a figure. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** Milliseconds of a clock that all processes of this machine share (CLOCK_MONOTONIC). */
export function sharedMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
