import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Ledger } from './ledger.js';

export interface ToolOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly ledger: Ledger;
  /** Working directory; keep it inside the directory that is being built, so that a dead parent's tool is found. */
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

export interface ToolResult {
  readonly exitCode: number | null;
  /** Standard output and standard error together, at most the last 64 KiB. */
  readonly output: string;
}

const outputCharactersMax = 64 * 1024;
/** What a shell answers for a program that it cannot start. */
const notFound = 127;

/** Runs a program to its end. A bad exit code is the caller's to judge; one that cannot be started has 127. */
export async function runTool(options: ToolOptions): Promise<ToolResult> {
  const { command, args, ledger, cwd, uid, gid, input } = options;
  let output = '';
  const child = spawn(command, args, {
    cwd,
    env: options.env ?? {
      ...process.env,
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`,
    },
    detached: true, // not in the terminal's group: Ctrl-C ends it through the stack
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const closed = (once(child, 'close') as Promise<[number | null]>).catch((error: unknown): [number] => {
    output += String(error);
    return [notFound];
  });
  ledger.addProcess(child.pid, 'tool');
  const keep = (text: string): void => {
    output = (output + text).slice(-outputCharactersMax);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [exitCode] = await closed;
  return { exitCode, output };
}
