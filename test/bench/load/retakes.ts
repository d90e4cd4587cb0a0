import { generatorLateMillisMax, type OpenLoopResult } from './open-loop.js';

interface Paced {
  readonly generator: OpenLoopResult;
}

/** Measures slices, and again those whose generator was late. */
export interface Retakes {
  /** The least late of what was measured. */
  inTime<Slice extends Paced>(measure: () => Promise<Slice>): Promise<Slice>;
  /** For the report. */
  text(): string;
}

/** A slice whose generator was late proves nothing; a run throws away so many of them at most, and is void beyond that. */
export function retakes(most: number): Retakes {
  let taken = 0;
  const lateness = ({ generator }: Paced): number => generator.lateMillis.p99;
  return {
    async inTime(measure) {
      let best = await measure();
      while (lateness(best) > generatorLateMillisMax && taken < most) {
        taken += 1;
        const again = await measure();
        if (lateness(again) < lateness(best)) best = again;
      }
      return best;
    },
    text: () => `${taken} (of at most ${most}) slices were measured again, for their generator had been late`,
  };
}
