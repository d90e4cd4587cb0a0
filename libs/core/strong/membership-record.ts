import type { EntityRef } from '../event/event.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import type { EntityType } from '../merge/entity-type.js';
import { lastWriterWins } from '../merge/policies.js';
import type { Membership, Memberships } from './membership.js';

const typeName = 'atoll.membership';
const field = 'records';

/** The strong entity that holds the memberships. The shard it hashes to is the system shard. */
export const membershipEntity: EntityRef = { type: typeName, id: 'strong' };

/** No declared type can have this name: its entity is the service's own, and no client reads or writes it. */
export const membershipType: EntityType = {
  name: typeName,
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'strong',
  fields: new Map([[field, { policy: lastWriterWins() }]]),
};

export function isMembership({ type }: EntityRef): boolean {
  return type === typeName;
}

/** The operation that writes them: all of them, so that what is read is always the whole. */
export function writeMemberships(records: Memberships): JsonObject & {
  readonly field: string;
  readonly op: string;
} {
  const value = records.map(({ number, members, witnesses, stopped }): JsonObject => ({
    number,
    members: [...members],
    witnesses: [...witnesses],
    stopped: [...stopped],
  }));
  return { field, op: 'set', value };
}

/** What an operation writes; `undefined` when it is none that `writeMemberships` made. */
export function proposedIn(operation: { readonly [key: string]: Json } | undefined): Memberships | undefined {
  return operation?.field === field && operation.op === 'set' ? read(operation.value) : undefined;
}

/** What the entity's value says; `undefined` while no change has been decided. */
export function readMemberships(value: JsonObject | undefined): Memberships | undefined {
  return read(value?.[field]);
}

function read(json: Json | undefined): Memberships | undefined {
  if (!Array.isArray(json)) return undefined;
  const records: Membership[] = [];
  for (const [index, one] of (json as readonly Json[]).entries()) {
    const record = readOne(one, index + 1);
    if (record === undefined) return undefined;
    records.push(record);
  }
  const [first, ...later] = records;
  return first && [first, ...later];
}

/** As a peer sent it (INV-14). The records are looked up by their numbers, which begin at 1 without a gap. */
function readOne(json: Json, expected: number): Membership | undefined {
  if (!isObject(json)) return undefined;
  const { number, members, witnesses, stopped } = json;
  if (number !== expected || !isNames(members) || members.length === 0) return undefined;
  return isNames(witnesses) && isNames(stopped) ? { number, members, witnesses, stopped } : undefined;
}

function isNames(json: Json | undefined): json is readonly string[] {
  return (
    Array.isArray(json) && (json as readonly Json[]).every((one) => typeof one === 'string' && one !== '')
  );
}
