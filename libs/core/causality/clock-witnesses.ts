import { driftMillisMax } from './hybrid-timestamp.js';

/**
 * How far this process's wall clock may be from the clocks around it while it stamps (PROTOCOL §10). Half of what receivers
 * let pass: two origins at either end of it still fold each other's events.
 */
export const clockBoundMillis = driftMillisMax / 2;

/**
 * What another clock showed at some moment between two readings of this process's monotonic clock. However late anybody was to
 * look, the moment lies between them: a process that stood still, or a slow link, makes a sample say less, never something wrong.
 */
export interface ClockSample {
  /** Milliseconds since 1970, as that clock believed. */
  readonly saidMillis: number;
  /** -Infinity: nobody knows how long it was on its way. */
  readonly notBeforeMillis: number;
  readonly notAfterMillis: number;
}

/** The two clocks of this process, read together. */
export interface OwnClocks {
  readonly wallMillis: number;
  readonly monotonicMillis: number;
}

export interface Disagreement {
  readonly witness: string;
  /** By how much the own wall clock is surely ahead of the witness; below 0: behind it. */
  readonly aheadMillis: number;
}

export interface ClockVerdict {
  /** Whether events may be stamped by this wall clock. */
  readonly isTrusted: boolean;
  readonly disagreements: readonly Disagreement[];
}

/** Between which bounds the own wall clock is ahead of a witness, in milliseconds: the witness goes on by the monotonic clock. */
export function aheadOf(
  { saidMillis, notBeforeMillis, notAfterMillis }: ClockSample,
  { wallMillis, monotonicMillis }: OwnClocks,
): { readonly least: number; readonly most: number } {
  const own = wallMillis - monotonicMillis;
  return { least: own + notBeforeMillis - saidMillis, most: own + notAfterMillis - saidMillis };
}

/**
 * Decides whether the own wall clock is to be trusted, by what others last showed. Pure.
 *
 * Each witness agrees within the bound, or is surely beyond it, or says nothing. The own clock is not trusted when more
 * witnesses are beyond it on one side than agree. Where as many agree as say that it is ahead, nobody can tell who is wrong:
 * then whoever is ahead waits, because what it would stamp is what others park (INV-13), and whoever is behind goes on. So of
 * two regions one always goes on, and one witness that is wrong among others that agree stops nobody.
 */
export function judgeClock(
  samples: ReadonlyMap<string, ClockSample>,
  own: OwnClocks,
  boundMillis: number,
): ClockVerdict {
  const disagreements: Disagreement[] = [];
  let agreeing = 0;
  let ahead = 0;
  for (const [witness, sample] of samples) {
    const { least, most } = aheadOf(sample, own);
    if (least > boundMillis) {
      ahead += 1;
      disagreements.push({ witness, aheadMillis: least });
    } else if (most < -boundMillis) disagreements.push({ witness, aheadMillis: most });
    else if (least >= -boundMillis && most <= boundMillis) agreeing += 1;
  }
  const behind = disagreements.length - ahead;
  const isTrusted = behind <= agreeing && (ahead === 0 || ahead < agreeing);
  return { isTrusted, disagreements };
}

/**
 * The time as the witnesses see it: the middle one of those that can tell, else the own clock. For whoever has to go on
 * judging what others stamped while its own clock is not trusted.
 */
export function agreedMillis(samples: ReadonlyMap<string, ClockSample>, own: OwnClocks): number {
  const ahead: number[] = [];
  for (const sample of samples.values()) {
    const { least, most } = aheadOf(sample, own);
    if (Number.isFinite(least)) ahead.push((least + most) / 2);
  }
  ahead.sort((a, b) => a - b);
  return Math.floor(own.wallMillis - (ahead[ahead.length >> 1] ?? 0));
}
