import { AtollError } from '#core/errors.js';
import type { Telemetry } from '../ports/telemetry.js';

/** Counts what became of a command of a declared type, and hands it on. */
export function countOutcome<T extends { readonly replayed: boolean }>(
  command: Promise<T>,
  type: string,
  telemetry: Telemetry,
): Promise<T> {
  return command.then(
    (written) => {
      telemetry.count('commands_total', {
        type,
        outcome: written.replayed ? 'replayed' : 'executed',
        code: '',
      });
      return written;
    },
    (error: unknown) => {
      const code = error instanceof AtollError ? error.code : 'internal';
      telemetry.count('commands_total', { type, outcome: 'failed', code });
      throw error;
    },
  );
}
