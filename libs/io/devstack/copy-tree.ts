import { platform } from 'node:os';
import { dirname } from 'node:path';
import { makeOpenDirectory } from './directories.js';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';
import { runTool } from './tool.js';

/** Copies a directory tree with owners and modes; where the file system can, the copy shares its blocks. */
export async function copyTree(options: {
  readonly from: string;
  readonly to: string;
  readonly ledger: Ledger;
}): Promise<void> {
  const { from, to, ledger } = options;
  const flags = platform() === 'linux' ? ['-a', '--reflink=auto'] : ['-pR'];
  makeOpenDirectory(dirname(to));
  const { exitCode, output } = await runTool({
    command: 'cp',
    args: [...flags, from, to],
    ledger,
    cwd: ledger.runDirectory,
  });
  if (exitCode !== 0) throw new DevStackError('directory_unusable', `cannot copy to ${to}: ${output.trim()}`);
}
