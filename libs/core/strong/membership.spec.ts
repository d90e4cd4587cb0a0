import { describe, expect, it } from 'vitest';
import { nextEpoch, noEpoch, type Epoch } from './epoch.js';
import {
  changeMembers,
  countedMembers,
  firstMembership,
  formerMembers,
  latestOf,
  mayBeDecidedIn,
  mayStand,
  type MemberChange,
  type Memberships,
} from './membership.js';
import { membershipEntity, proposedIn, readMemberships, writeMemberships } from './membership-record.js';
import { candidacy } from './promises.js';
import { noPosition, type Position } from './strong-chain.js';

const three = firstMembership(['us', 'eu', 'ap']);
const add = (region: string, isWitness = false): MemberChange => ({ kind: 'add', region, isWitness });
const remove = (region: string, isStopped = false): MemberChange => ({ kind: 'remove', region, isStopped });
function after(known: Memberships, ...changes: readonly MemberChange[]): Memberships {
  return changes.reduce<Memberships>((all, change) => {
    const changed = changeMembers(all, change);
    if (changed.kind !== 'changed') throw new Error(`${JSON.stringify(change)} is ${changed.kind}`);
    const [first, ...later] = all;
    return [first, ...later, changed.next];
  }, known);
}
const epoch = (membership: number, counter: number): Epoch => ({ membership, counter });
const at = (membership: number, counter: number, seq: number): Position => ({
  epoch: epoch(membership, counter),
  seq,
});
const promised = (by: Readonly<Record<string, Position>>): ReadonlyMap<string, Position> =>
  new Map(Object.entries(by));

describe('a membership', () => {
  it('is numbered, and changes by one region at a time', () => {
    const known = after(three, remove('ap'), add('ap'), add('sa'));
    expect(known.map(({ number, members }) => `${number} ${members.join()}`)).toEqual([
      '1 ap,eu,us',
      '2 eu,us',
      '3 ap,eu,us',
      '4 ap,eu,sa,us',
    ]);
  });

  it('stays as it is where nothing is to be changed', () => {
    expect(changeMembers(three, add('us')).kind).toBe('same');
    expect(changeMembers(three, remove('sa')).kind).toBe('same');
  });

  it('has a member that may be a home: the last one is never removed, nor made a witness', () => {
    const one = after(three, remove('ap'), remove('eu'));
    expect(changeMembers(one, remove('us')).kind).toBe('refused');
    expect(changeMembers(one, add('us', true)).kind).toBe('refused');
    expect(changeMembers(after(one, add('eu', true)), remove('us')).kind).toBe('refused');
  });

  it('has witnesses, which count like any member and never stand', () => {
    const known = after(three, add('ap', true));
    const latest = latestOf(known);
    expect(latest.members).toEqual(['ap', 'eu', 'us']);
    expect(latest.members.filter((region) => mayStand(latest, region))).toEqual(['eu', 'us']);
    expect(latestOf(after(known, add('ap'))).witnesses).toEqual([]);
    expect(latestOf(after(known, remove('ap'))).witnesses).toEqual([]);
  });

  it('is overruled only for the other one of two: of more, a majority decides', () => {
    expect(changeMembers(three, remove('ap', true)).kind).toBe('refused');
    const two = after(three, remove('ap'));
    expect(latestOf(after(two, remove('eu', true)))).toEqual({
      number: 3,
      members: ['us'],
      witnesses: [],
      stopped: ['eu'],
    });
  });

  it('is decided in an epoch of the one before, so that no two have one number', () => {
    const proposed = after(three, remove('ap'), add('ap'));
    expect(mayBeDecidedIn(proposed, epoch(2, 5))).toBe(true);
    expect(mayBeDecidedIn(proposed, epoch(1, 5))).toBe(false);
    expect(mayBeDecidedIn(proposed, epoch(3, 1))).toBe(false);
  });

  it('is read as it was written, whole', () => {
    const known = after(three, add('ap', true), remove('eu'), add('eu'));
    const operation = writeMemberships(known);
    expect(proposedIn(operation)).toEqual(known);
    expect(readMemberships({ records: operation.value! })).toEqual(known);
    expect(readMemberships({ records: null })).toBeUndefined();
    expect(readMemberships(undefined)).toBeUndefined();
    expect(proposedIn({ field: 'other', op: 'set', value: 1 })).toBeUndefined();
    expect(membershipEntity.type.startsWith('atoll.')).toBe(true);
  });
});

describe('a target', () => {
  /** From one member to three others: no majority of the new one has a member of the old. */
  const grown = after(firstMembership(['us']), add('eu'), add('ap'));

  it('needs a majority of every membership from that of the position it adopts up to its own', () => {
    const held = at(1, 4, 9);
    expect(candidacy(promised({ eu: noPosition, ap: noPosition }), grown, 3).kind).toBe('waiting');
    expect(candidacy(promised({ eu: held, ap: held }), grown, 3).kind).toBe('waiting');
    expect(candidacy(promised({ eu: held, us: held }), grown, 3)).toEqual({ kind: 'chosen', adopt: held });
  });

  it('needs none of those before the position it adopts', () => {
    const held = at(3, 1, 2);
    expect(candidacy(promised({ eu: held, ap: noPosition }), grown, 3)).toEqual({
      kind: 'chosen',
      adopt: held,
    });
  });

  it('needs the memberships in between too: one of them may have decided what neither end knows', () => {
    const moved: Memberships = [
      { number: 1, members: ['us'], witnesses: [], stopped: [] },
      { number: 2, members: ['eu'], witnesses: [], stopped: [] },
      { number: 3, members: ['ap', 'us'], witnesses: [], stopped: [] },
    ];
    const held = at(1, 1, 5);
    expect(candidacy(promised({ us: held, ap: held }), moved, 3).kind).toBe('waiting');
    expect(candidacy(promised({ us: held, ap: held, eu: at(2, 1, 1) }), moved, 3)).toEqual({
      kind: 'chosen',
      adopt: at(2, 1, 1),
    });
  });

  it('starts again in the later membership when it would adopt a position of one', () => {
    expect(candidacy(promised({ us: at(2, 1, 3), eu: noPosition, ap: noPosition }), grown, 1).kind).toBe(
      'outdated',
    );
  });

  it('does not wait for whom a later record states to be stopped, and only before that record', () => {
    const alone = after(three, remove('ap'), remove('eu', true), add('eu'));
    expect(countedMembers(alone, { number: 2, own: 3 })).toEqual(['us']);
    expect(countedMembers(alone, { number: 2, own: 2 })).toEqual(['eu', 'us']);
    expect(countedMembers(alone, { number: 4, own: 4 })).toEqual(['eu', 'us']);
    expect(candidacy(promised({ us: at(2, 1, 8) }), alone, 3)).toEqual({
      kind: 'chosen',
      adopt: at(2, 1, 8),
    });
    expect(candidacy(promised({ us: at(2, 1, 8) }), alone, 4).kind).toBe('waiting');
  });

  it('stands in no membership that somebody has promised beyond', () => {
    expect(nextEpoch(noEpoch, 1)).toEqual(epoch(1, 1));
    expect(nextEpoch(epoch(1, 7), 2)).toEqual(epoch(2, 1));
    expect(nextEpoch(epoch(2, 1), 1)).toBeUndefined();
  });
});

describe('a region that was removed', () => {
  const known = after(three, remove('ap'), remove('eu'), add('eu'));

  it('is retired when every shard has a decided opening in a membership without it', () => {
    expect(formerMembers(known, [2, 1, 4])).toEqual([{ region: 'ap', until: 1, isRetired: false }]);
    expect(formerMembers(known, [2, 4, 4])).toEqual([{ region: 'ap', until: 1, isRetired: true }]);
    expect(formerMembers(known, [0, 4, 4])).toEqual([{ region: 'ap', until: 1, isRetired: false }]);
    expect(formerMembers(three, [1])).toEqual([]);
  });
});
