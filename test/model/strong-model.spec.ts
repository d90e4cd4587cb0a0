import { describe, expect, it } from 'vitest';
import { explore } from './explore.js';
import { StrongModel } from './strong-model.js';
import { growing, protocolRules, shrinking, takenAway } from './strong-rules.js';
import type { Bounds } from './strong-state.js';

/** `npm run test:long` explores everything; else as much as takes seconds. */
const long = process.env.ATOLL_LONG === '1';

const whole: Bounds = { epochs: 3, writes: 2, eventuals: 0, reads: true };
const small: Bounds = { epochs: 2, writes: 2, eventuals: 0, reads: true };
const withEventuals: Bounds = { epochs: 2, writes: 2, eventuals: 1, reads: true };
const statesMax = 20_000_000;
const minutes = (count: number): number => count * 60_000;

describe('the rules of strong shards', () => {
  it(
    'lose nothing, have one writer per epoch and show only what is decided, in every state',
    () => {
      const explored = (long ? [whole, withEventuals] : [small]).map((bounds) => {
        const model = new StrongModel(protocolRules, bounds);
        return explore(model, model.served(), statesMax);
      });
      expect(explored.map(({ broken }) => broken)).toEqual(explored.map(() => undefined));
      for (const { states } of explored) expect(states).toBeGreaterThan(long ? 100_000 : 1_000);
      process.stdout.write(`explored ${explored.map(({ states }) => states).join(' and ')} states\n`);
    },
    minutes(20),
  );

  it(
    'let a shard that never had a home find its first one',
    () => {
      const model = new StrongModel(protocolRules, { epochs: 2, writes: 1, eventuals: 0, reads: false });
      expect(explore(model, model.genesis(), statesMax).broken).toBeUndefined();
    },
    minutes(5),
  );
});

describe('a second membership', () => {
  it.each([
    ['with fewer members', shrinking],
    ['with more members', growing],
  ])(
    '%s loses nothing, whoever knows of it and whoever does not',
    (name, bounds) => {
      const fewer = { ...bounds, writes: 1, reads: false, later: { ...bounds.later!, epochs: 1 } };
      const examined = long ? bounds : fewer;
      const model = new StrongModel(protocolRules, examined);
      const { broken, states } = explore(model, model.served(), statesMax);
      expect(broken).toBeUndefined();
      process.stdout.write(`explored ${states} states ${name}\n`);
    },
    minutes(20),
  );
});

describe('without one rule', () => {
  const examined = long ? takenAway : takenAway.filter(({ isShallow }) => isShallow);

  it.each(examined)(
    '$name: there is a counter-example',
    ({ rules, name, bounds = whole }) => {
      const model = new StrongModel(rules, {
        ...bounds,
        reads: name.includes('read') || name.includes('tail'),
      });
      const { broken, states } = explore(model, model.served(), statesMax);
      expect(broken?.sentence, `${states} states without one`).toBeDefined();
      if (long) process.stdout.write(`${name}: ${broken?.sentence}\n  ${broken?.trace.join('\n  ')}\n`);
    },
    minutes(20),
  );
});
