import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../json.js';
import { firstMembership } from './membership.js';
import { proposedIn, readMemberships, writeMemberships } from './membership-record.js';

const [first] = firstMembership(['eu', 'us'], ['ap']);
const record: JsonObject = { number: 1, members: ['eu', 'us'], witnesses: ['ap'], stopped: [] };

test('memberships are read as they were written', () => {
  const known = [first, { ...first, number: 2, stopped: ['us'] }] as const;
  expect(proposedIn(writeMemberships(known))).toEqual(known);
  expect(readMemberships({ records: [record] })).toEqual([{ ...first, members: ['eu', 'us'] }]);
  expect(readMemberships(undefined)).toBeUndefined();
});

test.each<[string, Json]>([
  ['nothing', null],
  ['no list', { ...record }],
  ['no record', []],
  ['null', [null]],
  ['an empty object', [{}]],
  ['a text', ['x']],
  ['a list', [[]]],
  ['no members', [{ ...record, members: [] }]],
  ['members that are no names', [{ ...record, members: ['eu', 7] }]],
  ['a member without a name', [{ ...record, members: ['eu', ''] }]],
  ['witnesses that are no list', [{ ...record, witnesses: 'ap' }]],
  ['nobody said to be stopped or not', [{ number: 1, members: ['eu'], witnesses: [] }]],
  ['a number that is none', [{ ...record, number: '1' }]],
  ['a first number that is not 1', [{ ...record, number: 2 }]],
  ['a gap', [record, { ...record, number: 3 }]],
  ['a later record that is none', [record, null]],
])('INV-14: %s is no membership', (_what, records) => {
  expect(readMemberships({ records })).toBeUndefined();
  expect(proposedIn({ field: 'records', op: 'set', value: records })).toBeUndefined();
});
