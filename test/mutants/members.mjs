import { core, flow } from './caught-by.mjs';

/** Planted bugs in the membership of strong shards: PROTOCOL §8. */
export const membersMutants = [
  {
    name: 'members: a target needs a majority of its own membership only',
    rule: '§8',
    file: 'libs/core/strong/membership.ts',
    find: 'const from = Math.max(adopted.membership, 1);',
    replace: 'const from = own;',
    caughtBy: core('strong/membership.spec.ts', 'needs a majority of every membership'),
  },
  {
    name: 'members: who was stated to be stopped is not waited for after it came back',
    rule: '§8',
    file: 'libs/core/strong/membership.ts',
    find: 'known.slice(number, own).flatMap',
    replace: 'known.flatMap',
    caughtBy: core('strong/membership.spec.ts', 'does not wait for whom a later record'),
  },
  {
    name: 'members: a record is minted in any epoch',
    rule: '§8',
    file: 'libs/core/strong/membership.ts',
    find: 'return latestOf(proposed).number === epoch.membership + 1;',
    replace: 'return latestOf(proposed).number > epoch.membership;',
    caughtBy: core('strong/membership.spec.ts', 'is decided in an epoch of the one before'),
  },
  {
    name: 'members: a target stands in a membership that it knows nothing of',
    rule: '§8',
    file: 'libs/core/strong/epoch.ts',
    find: 'if (heard.membership > membership) return undefined;',
    replace: 'if (heard.membership > membership) return { ...heard, counter: heard.counter + 1 };',
    caughtBy: core('strong/membership.spec.ts', 'stands in no membership that somebody'),
  },
  {
    name: 'members: a home counts the acks of all configured regions',
    rule: '§8',
    file: 'libs/flow/strong/homes.ts',
    find: 'const members = this.parts.memberships.membersOf(membership);',
    replace: 'const { members } = this.parts;',
    caughtBy: flow('strong/members.spec.ts', 'is told apart from the two that are left'),
  },
  {
    name: 'members: a statement that a region is stopped outlives the membership it was made in',
    rule: '§8',
    file: 'libs/flow/strong/homes.ts',
    find: 'if (overruled?.membership !== membership) return members;',
    replace: 'if (overruled === undefined) return members;',
    caughtBy: flow('strong/members.spec.ts', 'one alone is no majority'),
  },
  {
    name: 'members: a witness stands',
    rule: '§8',
    file: 'libs/core/strong/membership.ts',
    find: 'return members.includes(region) && !witnesses.includes(region);',
    replace: 'return members.includes(region) || witnesses.includes(region);',
    caughtBy: flow('strong/members.spec.ts', 'makes a majority with one of two'),
  },
  {
    name: 'members: a change is planned by what the region that is asked happens to know',
    rule: '§8',
    file: 'libs/flow/strong/members.ts',
    find: 'return { known: readMemberships(value) ?? local.known, seen };',
    replace: 'return value ? local : { known: local.known, seen };',
    caughtBy: flow('strong/members.spec.ts', 'is removed while it is cut off, and added back'),
  },
];
