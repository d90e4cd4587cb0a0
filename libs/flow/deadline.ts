import type { AtollError } from '#core/errors.js';
import type { Clock } from './ports/clock.js';

/** The outcome of the work, or the error that `late` makes once the deadline passes. The work itself goes on. */
export function within<T>(
  clock: Clock,
  work: Promise<T>,
  { deadlineMillis, late }: { readonly deadlineMillis: number; readonly late: () => AtollError },
): Promise<T> {
  return new Promise((resolve, reject) => {
    // The error is made when it is needed: its stack trace costs as much as deciding a command.
    const cancel = clock.after(Math.max(0, deadlineMillis - clock.monotonicMillis()), () => reject(late()));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
