import type { FieldOperation } from '#flow/service.js';
import type { Draw } from './seeded.js';

/** One entity type of the benches for each family of merge policies, and a write of it as its users make them. */
interface Family {
  readonly type: string;
  /** Whether a write must say what its writer had read. */
  readonly readsFirst?: true;
  readonly operation: (draw: Draw, body: () => string) => FieldOperation;
}

const someOf = (draw: Draw, count: number): string => `one-${Math.floor(draw() * count)}`;

export const families = {
  'last-writer-wins': {
    type: 'document',
    operation: (_draw, body) => ({ field: 'body', op: 'set', value: body() }),
  },
  'multi-value': {
    type: 'choice',
    readsFirst: true,
    operation: (_draw, body) => ({ field: 'body', op: 'set', value: body() }),
  },
  counter: {
    type: 'tally',
    operation: (draw) => ({ field: 'count', op: 'increment', by: 1 + Math.floor(draw() * 9) }),
  },
  set: {
    type: 'tags',
    operation: (draw) => ({
      field: 'tags',
      op: draw() < 0.7 ? 'add' : 'remove',
      element: someOf(draw, 50),
    }),
  },
  map: {
    type: 'cart',
    operation: (draw): FieldOperation =>
      draw() < 0.8
        ? { field: 'lines', op: 'at', key: someOf(draw, 50), then: { op: 'increment', by: 1 } }
        : { field: 'lines', op: 'remove', key: someOf(draw, 50) },
  },
  flag: {
    type: 'lamp',
    operation: (draw) => ({ field: 'on', op: draw() < 0.5 ? 'enable' : 'disable' }),
  },
  extremum: {
    type: 'record',
    operation: (draw) => ({ field: 'best', op: 'raise', value: Math.floor(draw() * 1e9) }),
  },
  text: {
    type: 'note',
    operation: () => ({ field: 'body', op: 'splice', index: 0, delete: 0, insert: 'word ' }),
  },
} as const satisfies Readonly<Record<string, Family>>;

export type FamilyName = keyof typeof families;

export const familyNames = Object.keys(families) as FamilyName[];

/** The type of a family, as wide as the table of them allows. */
export function familyOf(name: FamilyName): Family {
  return families[name];
}
