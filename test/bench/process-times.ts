import { readdirSync, readFileSync } from 'node:fs';

/** Ticks per second of the times in `/proc`: fixed by Linux for programs, whatever the kernel was built with. */
const ticksPerSecond = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Own time, and that of children which have ended and were waited for. */
  readonly micros: number;
}

/**
 * CPU time in microseconds that a process and all its descendants have used; `undefined` where there is no `/proc`, or no
 * such process.
 */
export function treeMicros(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const all = readAll();
  return all.has(pid) ? microsOf([pid], all) : undefined;
}

/** CPU time in microseconds that these processes, and all that descend from any of them, have used. */
export function treesMicros(pids: readonly number[]): number {
  return microsOf(pids, readAll());
}

/** CPU time in microseconds that the whole machine has used; `undefined` where there is no `/proc`. */
export function machineMicros(): number | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/stat', 'utf8');
  } catch {
    return undefined;
  }
  const [user, nice, system, , , irq, softIrq] = (text.split('\n')[0] ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const ticks = [user, nice, system, irq, softIrq].reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return (ticks * 1_000_000) / ticksPerSecond;
}

function microsOf(pids: readonly number[], all: ReadonlyMap<number, ProcessTimes>): number {
  let micros = 0;
  for (const [each, times] of all) if (pids.some((pid) => descends(each, pid, all))) micros += times.micros;
  return micros;
}

/** Resident memory of a process; `undefined` where there is no `/proc`, or no such process. */
export function residentBytes(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

function descends(pid: number, ancestor: number, all: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = all.get(at)?.parent) {
    if (at === ancestor) return true;
  }
  return false;
}

function readAll(): ReadonlyMap<number, ProcessTimes> {
  const all = new Map<number, ProcessTimes>();
  for (const name of entriesOf('/proc')) {
    const times = /^\d+$/.test(name) ? readTimes(name) : undefined;
    if (times !== undefined) all.set(Number(name), times);
  }
  return all;
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Fields of `/proc/<pid>/stat` behind the command, which may hold anything: parent, then times from the 12th on. */
function readTimes(pid: string): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // ended meanwhile
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
  return { parent: Number(fields[1]), micros: (ticks * 1_000_000) / ticksPerSecond };
}
