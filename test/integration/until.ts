import { setTimeout as pause } from 'node:timers/promises';

const everyMillis = 20;

export interface Patience {
  /** The test's own time limit ends a wait that has none. */
  readonly millisMax?: number;
  /** What there is to say where the wait was in vain. */
  readonly diagnosis?: () => Promise<string>;
}

/** Polls until the condition holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { millisMax = Infinity, diagnosis }: Patience = {},
): Promise<void> {
  const giveUpAt = performance.now() + millisMax;
  while (!(await condition())) {
    if (performance.now() > giveUpAt)
      throw new Error(`not so after ${millisMax} ms\n${(await diagnosis?.()) ?? ''}`);
    await pause(everyMillis);
  }
}
