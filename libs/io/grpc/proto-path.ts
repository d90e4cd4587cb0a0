import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder `proto/` of the repository: three levels above this file, or four when this file is the compiled one. */
export function protoRoot(): string {
  const fromSource = fileURLToPath(new URL('../../../proto', import.meta.url));
  return existsSync(fromSource) ? fromSource : fileURLToPath(new URL('../../../../proto', import.meta.url));
}
