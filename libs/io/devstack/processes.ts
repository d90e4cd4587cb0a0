import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: clock ticks since boot on Linux, the start date elsewhere. */
  readonly startedAt: string;
}

interface ProcessRow extends ProcessIdentity {
  readonly parent: number;
  readonly zombie: boolean;
}

const onLinux = process.platform === 'linux';

function rowOnLinux(pid: number): ProcessRow | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command name in parentheses may itself hold spaces and parentheses, so fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return {
    pid,
    parent: Number(fields[1]),
    zombie: state === 'Z' || state === 'X',
    startedAt: fields[19] ?? '',
  };
}

function rowsElsewhere(...selection: string[]): ProcessRow[] {
  let table: string;
  try {
    table = execFileSync('ps', ['-o', 'pid=,ppid=,state=,lstart=', ...selection], { encoding: 'utf8' });
  } catch {
    return [];
  }
  return table.split('\n').flatMap((line) => {
    const [pid, parent, state, ...started] = line.trim().split(/\s+/);
    if (pid === undefined || pid === '') return [];
    const zombie = state?.startsWith('Z') === true;
    return [{ pid: Number(pid), parent: Number(parent), zombie, startedAt: started.join(' ') }];
  });
}

function row(pid: number): ProcessRow | undefined {
  const found = onLinux ? rowOnLinux(pid) : rowsElsewhere('-p', String(pid))[0];
  return found?.zombie === true ? undefined : found;
}

function livingPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function allRows(): ProcessRow[] {
  if (!onLinux) return rowsElsewhere('-A');
  return livingPids().flatMap((pid) => rowOnLinux(pid) ?? []);
}

/** The identity of a living process; undefined when there is none with that pid (a zombie is not living). */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = row(pid);
  return found && { pid, startedAt: found.startedAt };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return row(identity.pid)?.startedAt === identity.startedAt;
}

/** Every living process below the given ones, at any depth. */
export function descendants(roots: readonly ProcessIdentity[]): ProcessIdentity[] {
  const rows = allRows().filter((candidate) => !candidate.zombie);
  const found: ProcessIdentity[] = [];
  let parents = new Set(roots.filter(isAlive).map(({ pid }) => pid));
  while (parents.size > 0) {
    const children = rows.filter(({ parent }) => parents.has(parent));
    found.push(...children.map(({ pid, startedAt }) => ({ pid, startedAt })));
    parents = new Set(children.map(({ pid }) => pid));
  }
  return found;
}

/**
 * Living processes whose working directory lies in one of these directories.
 *
 * It finds what was started but not yet written down when its parent died. Linux only; elsewhere, and for processes
 * this user may not look at, the answer is empty.
 */
export function inhabitants(directories: readonly string[]): ProcessIdentity[] {
  if (!onLinux || directories.length === 0) return [];
  return livingPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    let workingDirectory: string;
    try {
      workingDirectory = readlinkSync(`/proc/${pid}/cwd`);
    } catch {
      return [];
    }
    const inside = directories.some(
      (directory) => workingDirectory === directory || workingDirectory.startsWith(directory + sep),
    );
    return inside ? (identify(pid) ?? []) : [];
  });
}

/** Sends a signal unless the process is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

/** Waits until none of the processes lives; false when some still does after `millisMax`. */
export async function waitUntilGone(
  identities: readonly ProcessIdentity[],
  millisMax: number,
): Promise<boolean> {
  const deadline = performance.now() + millisMax;
  while (identities.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

/**
 * Kills processes and everything below them at once, as a lost machine would, and waits until all are gone.
 *
 * The roots are stopped first, so that none of them can fork between the look at their children and the kill.
 */
export async function killTree(roots: readonly ProcessIdentity[]): Promise<void> {
  const living = roots.filter(isAlive);
  for (const root of living) signal(root, 'SIGSTOP');
  const doomed = [...living, ...descendants(living)];
  for (const victim of doomed) signal(victim, 'SIGKILL');
  await waitUntilGone(doomed, 10_000);
}
