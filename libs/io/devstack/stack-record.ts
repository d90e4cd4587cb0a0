import { lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '#core/parse-json.js';
import type { ProcessIdentity } from '#io/devstack/processes.js';

/** A process the stack started, and what kind of goodbye it understands. */
export interface RecordedProcess extends ProcessIdentity {
  readonly kind: 'postgres' | 'kafka' | 'tool';
}

/**
 * Everything a stack must leave behind as if it had never been there.
 *
 * It is on disk before it is needed, so that a watcher, or whoever takes over a dead stack's locks, can clean up for a
 * parent that was killed.
 */
export interface StackRecord {
  /** True when the data outlives the stack: then the servers are given time to shut down in order. */
  keepsData: boolean;
  processes: RecordedProcess[];
  /** Removed with the run directory; whatever process works in them is ended before. */
  temporaryDirectories: string[];
  /** Data directories of Postgres, for the shared memory that a killed one leaves. */
  postgresDirectories: string[];
  /** Lock files with the nonce this stack wrote into them. */
  locks: { path: string; nonce: string }[];
}

const recordFile = 'record.json';

export function emptyRecord(keepsData: boolean): StackRecord {
  return { keepsData, processes: [], temporaryDirectories: [], postgresDirectories: [], locks: [] };
}

/** Writes the record as a whole: a reader sees the old one or the new one. */
export function writeRecord(runDirectory: string, record: StackRecord): void {
  const path = join(runDirectory, recordFile);
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Reads a record that this user wrote; undefined when there is none, or when somebody else wrote it. */
export function readRecord(runDirectory: string): StackRecord | undefined {
  const path = join(runDirectory, recordFile);
  try {
    // A record names processes to kill and directories to remove: only our own is believed.
    if (lstatSync(path).uid !== process.getuid?.()) return undefined;
    return parseJson(readFileSync(path, 'utf8')) as StackRecord;
  } catch {
    return undefined;
  }
}
