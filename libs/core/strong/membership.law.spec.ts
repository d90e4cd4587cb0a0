import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { majorityOf } from '../consistency/acks.js';
import {
  changeMembers,
  firstMembership,
  formerMembers,
  hasEveryMajority,
  latestOf,
  type MemberChange,
  type Memberships,
} from './membership.js';
import { proposedIn, writeMemberships } from './membership-record.js';

const regions = ['us', 'eu', 'ap', 'sa', 'af'];
const runs = { numRuns: 1_000 };
const region = fc.constantFrom(...regions);
const change: fc.Arbitrary<MemberChange> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), region, isWitness: fc.boolean() }),
  fc.record({ kind: fc.constant('remove' as const), region, isStopped: fc.constant(false) }),
);
const someRegions = fc.uniqueArray(region, { minLength: 1 });
const history: fc.Arbitrary<Memberships> = fc
  .tuple(someRegions, fc.array(change, { maxLength: 8 }))
  .map(([first, changes]) => changes.reduce(changed, firstMembership(first)));

function changed(known: Memberships, one: MemberChange): Memberships {
  const outcome = changeMembers(known, one);
  const [first, ...later] = known;
  return outcome.kind === 'changed' ? [first, ...later, outcome.next] : known;
}

const holds =
  (set: readonly string[]) =>
  (one: string): boolean =>
    set.includes(one);
const epochIn = (membership: number) => ({ membership, counter: 1 });

describe('memberships that change by one region at a time', () => {
  it('are numbered without a gap, and any majority of one meets any of the next', () => {
    fc.assert(
      fc.property(history, (known) => {
        expect(known.map(({ number }) => number)).toEqual(known.map((_, at) => at + 1));
        for (const [at, { members }] of known.slice(1).entries()) {
          const before = known[at]!.members;
          const all = new Set([...before, ...members]).size;
          expect(majorityOf(before.length) + majorityOf(members.length)).toBeGreaterThan(all);
        }
      }),
      runs,
    );
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(history, (known) => {
        expect(proposedIn(writeMemberships(known))).toEqual(known);
      }),
      runs,
    );
  });
});

describe('targets', () => {
  it('that may both open, and whose memberships overlap, were promised by one region in common', () => {
    fc.assert(
      fc.property(
        history,
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        someRegions,
        someRegions,
        (known, ...draw) => {
          const [a, b, c, d, one, other] = draw;
          const { number: latest } = latestOf(known);
          const [from, own] = [1 + (a % latest), 1 + (b % latest)];
          const [otherFrom, otherOwn] = [1 + (c % latest), 1 + (d % latest)];
          fc.pre(from <= own && otherFrom <= otherOwn && from <= otherOwn && otherFrom <= own);
          const isFirst = hasEveryMajority(known, { adopted: epochIn(from), own }, holds(one));
          const isSecond = hasEveryMajority(
            known,
            { adopted: epochIn(otherFrom), own: otherOwn },
            holds(other),
          );
          if (isFirst && isSecond) expect(one.some(holds(other))).toBe(true);
        },
      ),
      runs,
    );
  });

  it('never need the promise of a region that is retired, and may need that of one that is not', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        someRegions,
        (known, draw, given) => {
          const { number: latest } = latestOf(known);
          const opened = draw.map((one) => 1 + (one % latest));
          for (const { region: gone, isRetired } of formerMembers(known, opened)) {
            const counts = opened.some((from) =>
              known.slice(from - 1, latest).some(({ members }) => members.includes(gone)),
            );
            expect(isRetired).toBe(!counts);
            if (!isRetired) continue;
            for (const from of opened) {
              const asked = { adopted: epochIn(from), own: latest };
              const without = given.filter((one) => one !== gone);
              expect(hasEveryMajority(known, asked, holds(without))).toBe(
                hasEveryMajority(known, asked, holds([...without, gone])),
              );
            }
          }
        },
      ),
      runs,
    );
  });
});
