import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '#cli/dev/programs.js';
import { toPorcupine } from '#cli/export/porcupine.js';
import type { OperationLine } from '#cli/judge/history-line.js';

export interface PorcupineVerdict {
  readonly partitions: number;
  readonly linearizable: number;
  readonly notLinearizable: number;
  readonly tooHard: number;
}

/** Porcupine in a program of ours (`test/histories/porcupine`), built for one suite. */
export interface Porcupine {
  judge(operations: readonly OperationLine[]): Promise<PorcupineVerdict>;
  close(): Promise<void>;
}

const run = promisify(execFile);
const source = join(projectRoot(), 'test', 'histories', 'porcupine');
/** A first build fetches the module. */
const buildMillisMax = 120_000;

/** Where Go's own installer puts it, for whoever has it there and not on the path. */
const goInstalled = '/usr/local/go/bin/go';

/** Builds the program; `undefined`, with the reason told, where there is no Go or its module cannot be had. */
export async function buildPorcupine(): Promise<Porcupine | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'atoll-porcupine-'));
  const program = join(directory, 'porcupine');
  const build = (go: string) =>
    run(go, ['build', '-o', program, '.'], { cwd: source, timeout: buildMillisMax });
  try {
    await build('go').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return build(goInstalled);
    });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    console.log(
      `porcupine: cannot be built here: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`,
    );
    return undefined;
  }
  return {
    async judge(operations) {
      const file = join(directory, 'history.json');
      await writeFile(file, toPorcupine(operations).text);
      const { stdout } = await run(program, [file], { maxBuffer: 1 << 26 }).catch(outputOfFailure);
      await rm(file);
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PorcupineVerdict;
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

/** It exits with 1 when something is not linearizable, which is an answer; anything else is a failure. */
function outputOfFailure(error: unknown): { readonly stdout: string } {
  const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
  if (code === 1 && stdout !== undefined) return { stdout };
  throw error;
}
