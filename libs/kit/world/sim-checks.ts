import { assert } from '#core/assert.js';
import { dotKey, regionOf } from '#core/causality/dot.js';
import { isOfTheLog } from '#core/strong/opening-event.js';
import { covers, type VersionVector } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { decodeEvent } from '#core/event/event-codec.js';
import type { Event } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { allConflicts, conflictKeyText } from '#core/merge/conflicts.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { decodeEntity, entityValue } from '#core/merge/entity-value.js';
import { held, holders, type Rights } from '#core/merge/rights.js';
import { foldLog } from '#core/merge/fold-log.js';
import { parseJson } from '#core/parse-json.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import { kitHashing } from '../memory/memory-auth.js';
import type { MemoryDatabase } from '../memory/memory-database.js';

/** An invariant did not hold in a simulated run. The message begins with its number. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

function check(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new BrokenInvariant(sentence);
}

/** Looks at every commit of every region as it happens: the safety half of a run. */
export class CommitChecks {
  private readonly hashes = new Map<string, string>();
  private readonly valuesBySeen = new Map<string, string>();

  constructor(private readonly types: EntityTypes) {}

  look(database: MemoryDatabase, parts: readonly ShardCommit[], fenced: readonly number[]): void {
    for (const part of parts) if (!fenced.includes(part.shard)) this.lookAtPart(database, part);
  }

  private lookAtPart(database: MemoryDatabase, part: ShardCommit): void {
    const { region } = database.identity;
    const last = new Map<string, number>();
    for (const { event, hash, bytes } of part.events) {
      const { actor, seq } = event.dot;
      const name = `${actor}:${part.shard}:${seq}`;
      const known = this.hashes.get(name);
      check(known === undefined || known === hash, `INV-8: ${name} is two events`);
      check(kitHashing.sha256Hex(bytes) === hash, `INV-8: ${name} has another hash than its bytes`);
      if (known === undefined) {
        check(regionOf(actor) === region, `INV-5: ${name} was minted by ${region}`);
        this.hashes.set(name, hash);
      }
      check(last.get(actor) === undefined || last.get(actor) === seq - 1, `INV-3: ${name} follows a gap`);
      last.set(actor, seq);
    }
    for (const cursor of part.cursors) {
      const events = database.shard(part.shard).events.get(cursor.actor) ?? [];
      check(
        events.length === cursor.stored,
        `INV-3: ${region} stores ${events.length} of ${cursor.actor}, its cursor says ${cursor.stored}`,
      );
      check(cursor.folded <= cursor.stored, `INV-3: folded beyond stored in ${region}`);
    }
    for (const row of part.entities) {
      const type = this.types.get(row.entity.type);
      const json = parseJson(row.state) as Json;
      check(type !== undefined, 'a folded entity has a known type');
      const state = decodeEntity(type, json);
      checkBounds(`${row.entity.type}/${row.entity.id} in ${region}`, type, state);
      const seen = canonicalText([...state.seen].sort() as unknown as Json);
      const key = `${row.entity.type}/${row.entity.id} ${seen}`;
      const value = row.value === null ? 'null' : row.value;
      const known = this.valuesBySeen.get(key);
      check(
        known === undefined || known === value,
        `INV-4: equal seen, different values: ${key}: ${known} and ${value}`,
      );
      this.valuesBySeen.set(key, value);
    }
  }
}

/** INV-12: every bounded counter is within its bounds, and nobody holds less than nothing, whatever has been folded yet. */
function checkBounds(name: string, type: EntityType, state: EntityState): void {
  for (const [field, { policy }] of type.fields) {
    if (!isBoundedCounter(policy) || !state.fields.has(field)) continue;
    const rights = state.fields.get(field) as Rights;
    const { value } = policy.value(rights) as { readonly value: number };
    const { min, max = Infinity } = policy.bounds;
    check(value >= min && value <= max, `INV-12: ${field} of ${name} is ${value}`);
    for (const actor of holders(rights)) {
      for (const side of ['spend', 'increment'] as const) {
        const own = held(rights, policy.start, actor, side);
        check(own >= 0, `INV-12: ${actor} holds ${own} of ${field} of ${name} to ${side}`);
      }
    }
  }
}

/** What must hold of every region's database once all is healed: the liveness half. */
export function checkConverged(databases: readonly MemoryDatabase[], types: EntityTypes): void {
  const [first, ...others] = databases.map((database) => digestOf(database));
  check(first !== undefined, 'there is a region');
  for (const other of others) {
    for (const [part, digest] of Object.entries(first)) {
      check(other[part] === digest, `not converged: ${part} differ`);
    }
  }
  for (const database of databases) checkAgainstLog(database, types);
}

/** Whether all regions hold the same events, and nothing waits anywhere. */
export function isQuiet(databases: readonly MemoryDatabase[]): boolean {
  if (databases.some((database) => database.shards.some((shard) => shard.waiting.size > 0))) return false;
  return new Set(databases.map(cursorsOf)).size === 1;
}

function cursorsOf(database: MemoryDatabase): string {
  const cursors = database.shards.map((shard) =>
    [...shard.cursors.values()].map(({ actor, stored, hash }) => `${actor} ${stored} ${hash}`).sort(),
  );
  return JSON.stringify(cursors);
}

function digestOf(database: MemoryDatabase): Readonly<Record<string, string>> {
  const values = [...database.entities].map(([key, { value }]) => `${key} ${value ?? 'null'}`).sort();
  const conflicts = [...database.conflicts.values()]
    .map(({ id, resolvedBy }) => `${id} ${JSON.stringify(resolvedBy)}`)
    .sort();
  return {
    cursors: cursorsOf(database),
    values: JSON.stringify(values),
    conflicts: JSON.stringify(conflicts),
  };
}

/** The database against its own log: states, values, conflicts and causal closure (INV-1, INV-4, INV-6, INV-7). */
function checkAgainstLog(database: MemoryDatabase, types: EntityTypes): void {
  const expectedConflicts = new Set<string>();
  for (const [shardNumber, shard] of database.shards.entries()) {
    for (const records of shard.histories.values()) {
      const events = records
        .filter(({ actor, seq }) => !shard.refused.has(dotKey({ actor, seq })))
        .map(({ bytes }) => readEvent(bytes))
        .filter(({ entity }) => !isOfTheLog(entity));
      const [sample] = events;
      if (!sample) continue;
      const type = types.get(sample.entity.type);
      check(type !== undefined, `${sample.entity.type} is known`);
      const name = `${sample.entity.type}/${sample.entity.id} in ${database.identity.region}`;
      const row = [...database.entities.values()].find(
        ({ entity }) => entity.type === sample.entity.type && entity.id === sample.entity.id,
      );
      check(row !== undefined, `INV-1: ${name} has no state`);
      const state = decodeEntity(type, parseJson(row.state) as Json);
      checkClosed(name, state.seen, events);
      const folded = entityValue(type, foldLog(type, events));
      const shown = row.value === null ? undefined : (parseJson(row.value) as Json);
      check(
        canonicalText(folded ?? null) === canonicalText(shown ?? null),
        `INV-4: ${name} is not what its log says`,
      );
      for (const pair of allConflicts(type, events)) {
        expectedConflicts.add(
          kitHashing.sha256Hex(kitHashing.utf8(conflictKeyText(pair, shardNumber))).slice(0, 32),
        );
      }
    }
  }
  const recorded = [...database.conflicts.keys()].sort().join();
  check(
    recorded === [...expectedConflicts].sort().join(),
    `INV-7: conflicts of ${database.identity.region} differ from its log's`,
  );
}

function checkClosed(name: string, seen: VersionVector, events: readonly Event[]): void {
  for (const { dot, context } of events) {
    check((seen.get(dot.actor) ?? 0) >= dot.seq, `INV-1: ${name} lacks ${dot.actor}:${dot.seq}`);
    check(covers(seen, context), `INV-6: ${name} holds ${dot.actor}:${dot.seq} without its context`);
  }
}

function readEvent(bytes: Uint8Array): Event {
  const event = decodeEvent(textOf(bytes));
  assert(event !== undefined, 'the log holds events');
  return event;
}

function textOf(bytes: Uint8Array): string {
  const text = kitHashing.fromUtf8(bytes);
  assert(text !== undefined, 'stored bytes are UTF-8');
  return text;
}
