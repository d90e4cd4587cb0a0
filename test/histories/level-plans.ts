import { levels, type Level } from '#cli/judge/consistency/judge-consistency.js';
import type { Asked } from '#cli/load/sequential-client.js';
import type { SubjectKind, SubjectLimits } from './subjects.js';

/** A kind of history: a level, and what its clients use. */
export interface HistoryPlan {
  /** The file's name begins with it: a level, or `<level>-bounded-counter`. */
  readonly name: string;
  readonly level: Level;
  /** The compiled types that the regions serve, by file. */
  readonly types: 'eventual' | 'strong' | 'bounded-counter';
  readonly kinds: readonly SubjectKind[];
  readonly limits: SubjectLimits;
  /** What a client asks of all its operations. */
  readonly asked: (client: number) => Asked;
}

/** How long a region may wait before it answers, in every history. */
const maxWaitMillis = 1_500;
const eventualKinds: readonly SubjectKind[] = ['note', 'note', 'pair', 'tags', 'tally'];
const weakLimits: SubjectLimits = { live: 4, operationsMax: 400, underWayMax: 64 };
/** No key has over 300 operations or 10 unknowns; a compare-and-set begins with a read of its own. */
const strongLimits: SubjectLimits = { live: 6, operationsMax: 120, underWayMax: 6 };

const askedOf: Readonly<Record<Level, (client: number) => Asked>> = {
  eventual: () => ({ maxWaitMillis }),
  session: () => ({ session: true, maxWaitMillis }),
  causal: () => ({ session: true, consistency: 'causal', maxWaitMillis }),
  bounded: (client) => ({
    consistency: `bounded;max=${client % 2 === 0 ? 400 : 1_500}ms;else=${client % 3 === 0 ? 'refuse' : 'fetch'}`,
    maxWaitMillis,
  }),
  quorum: () => ({ consistency: 'quorum', acks: 'majority', maxWaitMillis }),
  strong: () => ({ consistency: 'strong', maxWaitMillis: 3_000, patienceMillis: 8_000 }),
};

/** Every level, and bounded counters at the levels that they are used at. */
export const historyPlans: readonly HistoryPlan[] = [
  ...levels.map((level): HistoryPlan => {
    const strong = level === 'strong';
    return {
      name: level,
      level,
      types: strong ? 'strong' : 'eventual',
      kinds: strong ? ['note', 'note', 'tags', 'tally', 'duo'] : eventualKinds,
      limits: strong ? strongLimits : weakLimits,
      asked: askedOf[level],
    };
  }),
  {
    name: 'eventual-bounded-counter',
    level: 'eventual',
    types: 'bounded-counter',
    kinds: ['stock'],
    limits: { live: 6, operationsMax: 1_500, underWayMax: 64 },
    asked: () => ({ maxWaitMillis }),
  },
];
