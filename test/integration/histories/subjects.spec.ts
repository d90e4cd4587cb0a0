import { describe, expect, it } from 'vitest';
import { seeded } from '../../bench/load/seeded.js';
import { historyPlans } from '../../histories/level-plans.js';
import { Subjects, type Subject } from '../../histories/subjects.js';

describe('the entities of a history', () => {
  const strong = historyPlans.find(({ name }) => name === 'strong');

  it('of the level strong have at most 300 operations and 10 unknown outcomes each', () => {
    const draw = seeded(7);
    const subjects = new Subjects(strong?.kinds ?? [], 'run', strong?.limits as never, draw);
    const counts = new Map<Subject, { lines: number; unknown: number }>();
    const underWay: Subject[] = [];
    for (let step = 0; step < 20_000; step += 1) {
      if (underWay.length < 36 && draw() < 0.6) {
        const subject = subjects.take();
        const count = counts.get(subject) ?? { lines: 0, unknown: 0 };
        // At worst each is a read and a compare-and-set.
        count.lines += 2;
        counts.set(subject, count);
        underWay.push(subject);
      } else {
        const [subject] = underWay.splice(Math.floor(draw() * underWay.length), 1);
        if (subject === undefined) continue;
        const isUnknown = draw() < 0.1;
        (counts.get(subject) as { unknown: number }).unknown += isUnknown ? 1 : 0;
        subjects.giveBack(subject, isUnknown);
      }
    }
    expect(counts.size).toBeGreaterThan(100);
    expect(Math.max(...[...counts.values()].map(({ lines }) => lines))).toBeLessThanOrEqual(300);
    expect(Math.max(...[...counts.values()].map(({ unknown }) => unknown))).toBeLessThanOrEqual(10);
  });
});
