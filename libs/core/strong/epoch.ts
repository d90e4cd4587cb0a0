/**
 * Who may write strong events in a shard: one region per epoch, chosen by a majority (PROTOCOL §8). What Raft calls a term.
 *
 * The membership's number comes first, so that whatever a later membership decides is above all of an earlier one.
 */
export interface Epoch {
  readonly membership: number;
  readonly counter: number;
}

/** The greatest number and counter that is read: more than there will ever be, so a greater one was made up (INV-14). */
const countMax = 2 ** 31 - 1;

/** Before the first home: every real epoch is above it. */
export const noEpoch: Epoch = { membership: 0, counter: 0 };

export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.membership - b.membership || a.counter - b.counter;
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return compareEpochs(a, b) === 0;
}

export function isAbove(a: Epoch, b: Epoch): boolean {
  return compareEpochs(a, b) > 0;
}

export function laterEpoch(a: Epoch, b: Epoch): Epoch {
  return isAbove(b, a) ? b : a;
}

/**
 * The next one to stand for in a membership, above all that was heard of; `undefined`: somebody has promised in a later
 * membership, or in the last epoch of this one, so that nobody may stand in this one any more.
 */
export function nextEpoch(heard: Epoch, membership: number): Epoch | undefined {
  if (heard.membership > membership) return undefined;
  if (heard.membership < membership) return { membership, counter: 1 };
  return heard.counter < countMax ? { membership, counter: heard.counter + 1 } : undefined;
}

/** `membership.counter`, as events and the fence row carry it; `''` for none. */
export function formatEpoch(epoch: Epoch): string {
  return sameEpoch(epoch, noEpoch) ? '' : `${epoch.membership}.${epoch.counter}`;
}

/** `undefined` when the text is no epoch. */
export function parseEpoch(text: string): Epoch | undefined {
  if (text === '') return noEpoch;
  const match = /^([1-9]\d{0,9})\.([1-9]\d{0,9})$/.exec(text);
  if (!match) return undefined;
  const membership = Number(match[1]);
  const counter = Number(match[2]);
  return membership <= countMax && counter <= countMax ? { membership, counter } : undefined;
}
