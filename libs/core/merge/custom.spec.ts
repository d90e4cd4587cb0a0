import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { checkLaws, type Law } from './check-laws.js';
import { custom, type CustomPolicy } from './custom.js';
import type { AnyPolicy, Operation } from './policy.js';
import * as policies from './policies.js';

type Votes = Readonly<Record<string, number>>;
type Vote = { readonly for: string };

/** Votes per candidate; only candidates that begin with a letter. */
const votes: CustomPolicy<Votes, Vote> = {
  name: 'votes',
  version: 3,
  operations: ['vote'],
  initial: {},
  decide: (_value, { for: candidate }) =>
    typeof candidate === 'string' && /^[a-z]/.test(candidate)
      ? { change: { for: candidate } }
      : { refuse: 'Nobody of that name stands.', path: '/for' },
  apply: (value, change) => ({ ...value, [change.for]: (value[change.for] ?? 0) + 1 }),
  isChange: (json) => typeof json === 'object' && json !== null && 'for' in json,
};

function nested(levels: number): Json {
  let json: Json = { for: 'ann' };
  for (let level = 1; level < levels; level += 1) json = { for: json };
  return json;
}

const vote = (candidate: Json): Operation => ({ op: 'vote', for: candidate });
const samples = [vote('ann'), vote('bob'), vote('1')];

describe('custom', () => {
  it("folds by the user's functions", () => {
    scenario(custom(votes))
      .write('eu', vote('ann'))
      .write('us', vote('ann'))
      .write('us', vote('bob'))
      .heal()
      .thenEverywhere({ ann: 2, bob: 1 })
      .thenConflicts();
  });

  it('folds again without what a delete had seen', () => {
    scenario(custom(votes))
      .write('eu', vote('ann'))
      .send('eu', 'us')
      .write('eu', vote('ann'))
      .write('us', vote('bob'))
      .delete('us')
      .heal()
      .thenEverywhere({ ann: 1 })
      .delete('eu')
      .heal()
      .thenEverywhere(undefined);
  });

  it('works within a map', () => {
    const at = (then: Operation): Operation => ({ op: 'at', key: 'k', then: then as unknown as Json });
    scenario(policies.addWinsMap(custom(votes)))
      .write('eu', at(vote('ann')))
      .heal()
      .write('us', { op: 'remove', key: 'k' })
      .write('eu', at(vote('bob')))
      .heal()
      .thenEverywhere({ k: { bob: 1 } });
  });

  it('tells the conflicts that the user wants told', () => {
    scenario(custom({ ...votes, conflicts: (a, b) => a.for !== b.for }))
      .write('eu', vote('ann'))
      .write('us', vote('bob'))
      .heal()
      .thenConflicts('eu~1:0:1 | us~1:0:1');
  });

  it('refuses what the user refuses, what was not declared, and what cannot be decided', () => {
    const fragile: CustomPolicy<Votes, Vote> = {
      ...votes,
      decide: (_value, operation) => ({ change: { for: (operation.for as string).toLowerCase() } }),
    };
    scenario(custom(votes))
      .write('eu', vote('1'))
      .thenRefused('precondition_failed', '/for')
      .write('eu', { op: 'veto' })
      .thenRefused('unknown_operation', '/op');
    scenario(custom(fragile)).write('eu', vote(7)).thenRefused('invalid_value', '');
    expect(custom(votes).readChange('ann')).toBeUndefined();
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.itself = cyclic;
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'ann'],
    ['neither a change nor a refusal', {}],
    ['a refusal without a sentence', { refuse: 7 }],
    ['a refusal at no path', { refuse: 'No.', path: 7 }],
    ['a change that is nothing', { change: undefined }],
    ['a change that is no number', { change: Number.NaN }],
    ['a change without end', { change: { for: Infinity } }],
    ['a text that cannot be stored', { change: { for: '\u0000' } }],
    ['a key that cannot be stored', { change: { for: 'ann', '\ud800': 1 } }],
    ['a function', { change: () => 1 }],
    ['a bigint', { change: 1n }],
    ['what contains itself', { change: cyclic }],
    ['what nests too deep for an event', { change: nested(65) }],
    ['a change that its own check refuses', { change: { against: 'ann' } }],
  ])('refuses %s in answer to an operation', (_what, answer) => {
    const decides = (policy: CustomPolicy<Votes, Vote>): unknown =>
      custom({ ...policy, decide: () => answer as { readonly change: Vote } }).decide(
        { value: {}, spans: new Map() },
        vote('ann'),
        {
          dot: { actor: 'us~1', seq: 1 },
          time: { wallMillis: 1, counter: 0, actor: 'us~1' },
          hasObserved: false,
        },
      );
    expect(decides(votes)).toMatchObject({ kind: 'rejected', code: 'invalid_value', path: '' });
  });

  it('folds where it was decided what every other region reads', () => {
    const change = { left: undefined, for: 'ann', at: -0 } as unknown as Vote;
    const decided = custom({ ...votes, decide: () => ({ change }) }).decide(
      { value: {}, spans: new Map() },
      vote('ann'),
      {
        dot: { actor: 'us~1', seq: 1 },
        time: { wallMillis: 1, counter: 0, actor: 'us~1' },
        hasObserved: false,
      },
    );
    expect(decided).toStrictEqual({ kind: 'accepted', change: { at: 0, for: 'ann' } });
  });

  it('INV-14: takes a change that its check cannot bear for none', () => {
    const isChange = (json: Json): boolean => (json as { readonly for: string }).for.length > 0;
    expect(custom({ ...votes, isChange }).readChange(null)).toBeUndefined();
    expect(custom({ ...votes, isChange }).readChange({ for: 'ann' })).toEqual({ for: 'ann' });
  });
});

describe('the law check', () => {
  it('finds nothing wrong with what is right', () => {
    expect(checkLaws(custom(votes), samples)).toEqual([]);
  });

  it.each<[string, AnyPolicy, readonly Operation[]]>([
    [
      'last-writer-wins',
      policies.lastWriterWins(),
      [
        { op: 'set', value: 1 },
        { op: 'set', value: { a: 2 } },
      ],
    ],
    [
      'multi-value',
      policies.multiValue(),
      [
        { op: 'set', value: 1 },
        { op: 'set', value: 2 },
      ],
    ],
    [
      'counter',
      policies.counter(),
      [
        { op: 'increment', by: 1 },
        { op: 'increment', by: 2 ** 53 - 1 },
      ],
    ],
    [
      'grow-only counter',
      policies.growOnlyCounter(),
      [
        { op: 'increment', by: 1 },
        { op: 'increment', by: 0 },
      ],
    ],
    [
      'add-wins set',
      policies.addWinsSet(),
      [
        { op: 'add', element: 1 },
        { op: 'remove', element: 1 },
      ],
    ],
    [
      'remove-wins set',
      policies.removeWinsSet(),
      [
        { op: 'add', element: 1 },
        { op: 'remove', element: 1 },
      ],
    ],
    ['enable-wins flag', policies.flag({ concurrent: 'enable-wins' }), [{ op: 'enable' }, { op: 'disable' }]],
    [
      'disable-wins flag',
      policies.flag({ concurrent: 'disable-wins' }),
      [{ op: 'enable' }, { op: 'disable' }],
    ],
    [
      'max register',
      policies.maxRegister(),
      [
        { op: 'raise', value: 1 },
        { op: 'raise', value: 2 },
      ],
    ],
    [
      'min register',
      policies.minRegister(),
      [
        { op: 'lower', value: 1 },
        { op: 'lower', value: 2 },
      ],
    ],
    [
      'ordered status',
      policies.orderedStatus(['a', 'b']),
      [
        { op: 'advance', to: 'a' },
        { op: 'advance', to: 'b' },
      ],
    ],
    [
      'add-wins map',
      policies.addWinsMap(policies.lastWriterWins()),
      [
        { op: 'at', key: 'k', then: { op: 'set', value: 1 } },
        { op: 'remove', key: 'k' },
      ],
    ],
  ])('finds nothing wrong with the %s', (_name, policy, operations) => {
    expect(checkLaws(policy, operations)).toEqual([]);
  });

  const broken: [string, Law, Partial<CustomPolicy<Votes, Vote>>][] = [
    ['the last arrival wins', 'convergent', { apply: (_value, change) => ({ [change.for]: 1 }) }],
    [
      'a clamp, which does not commute with what lies beyond it',
      'convergent',
      {
        apply: (value, change) => ({ sum: Math.min(3, (value.sum ?? 0) + (change.for === 'ann' ? 2 : -1)) }),
      },
    ],
    [
      'a count of calls',
      'deterministic',
      {
        apply: (() => {
          let calls = 0;
          return (value: Votes) => ({ ...value, calls: (calls += 1) });
        })(),
      },
    ],
    [
      'a value that is changed in place',
      'pure',
      {
        initial: { ann: 0 },
        apply: (value, change) => Object.assign(value, { [change.for]: (value[change.for] ?? 0) + 1 }),
      },
    ],
    ['only changes that peers refuse', 'samples', { isChange: () => false }],
    [
      'a function that throws',
      'total',
      {
        apply: () => {
          throw new Error('no');
        },
      },
    ],
    ['conflicts in one direction', 'symmetric', { conflicts: (a, b) => a.for < b.for }],
    [
      'a value that is not JSON',
      'codec',
      { apply: () => new Date(0) as unknown as Votes, value: (value) => (value as unknown) instanceof Date },
    ],
    ['refusing everything', 'samples', { decide: () => ({ refuse: 'no' }) }],
  ];

  it.each(broken)('finds %s (%s)', (_name, law, change) => {
    const found = checkLaws(custom({ ...votes, ...change }), samples);
    expect(found.map((violation) => violation.law)).toContain(law);
    expect(found.find((violation) => violation.law === law)?.example).toBeDefined();
  });

  it('gives the shortest telling it has: what each region did, and two orders that differ', () => {
    const [violation] = checkLaws(
      custom({ ...votes, apply: (_value, change) => ({ [change.for]: 1 }) }),
      samples,
    );
    expect(violation).toMatchObject({ law: 'convergent' });
    const { beginning, orders, states } = violation?.example as {
      beginning: Json;
      orders: Json[];
      states: Json[];
    };
    expect(beginning).toEqual([]);
    expect(orders).toEqual([
      [vote('ann'), vote('bob')],
      [vote('bob'), vote('ann')],
    ]);
    expect(states[0]).not.toEqual(states[1]);
  });
});
