import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity, type EntityOptions, type Fields } from '#declare/entity.js';
import { addWinsSet, counter, lastWriterWins } from '#declare/policies.js';
import { cart, storedEvent, Writer } from '#kit/contracts/event-log/fixtures.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { DatabaseRefused } from './failures.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

let database: ScratchDatabase;
const logs: PostgresEventLog[] = [];

async function open(types?: EntityTypes): Promise<PostgresEventLog> {
  const settings = { url: database.url, region: 'eu', shards: 4 };
  const log = await openPostgresEventLog(types ? { ...settings, types } : settings);
  logs.push(log);
  return log;
}

const fields = { note: lastWriterWins(z.string()), tags: addWinsSet() };

function declared(options: Partial<EntityOptions<Fields>> = {}): EntityTypes {
  return defineAtoll({ entities: { cart: entity({ fields, ...options }) } }).entityTypes;
}

const withNote = (note: Fields[string]): Partial<EntityOptions<Fields>> => ({ fields: { ...fields, note } });

/** One event that changes `note`, under schema version 1. */
async function writeNote(log: PostgresEventLog): Promise<void> {
  const writer = await Writer.of(log);
  const dot = { actor: log.identity.actor, seq: 1 };
  await writer.write({ lastSeq: 1, events: [storedEvent({ dot, entity: cart('1'), padding: 'x' })] });
}

beforeAll(async () => {
  database = await ScratchDatabase.create();
});
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()));
  await database.sql.query('drop schema if exists atoll cascade');
});
afterAll(() => database?.drop());

describe('the declaration of a region', () => {
  test.each([
    ['of a field that was written', { fields: { tags: fields.tags } }, /cart\.note is not declared any more/],
    ['of a policy that was written', withNote(counter()), /cart\.note was last-writer-wins 1 and is counter/],
    ['of a schema at its version', withNote(lastWriterWins(z.number())), /raise schemaVersion above 1/],
    ['of what a delete takes', { onDelete: 'delete-wins' }, /onDelete was 'update-wins'/],
    ['of the partition key', { partitionBy: { idBefore: ':' } }, /partitionBy decides the shard/],
  ] as [string, Partial<EntityOptions<Fields>>, RegExp][])(
    'is refused with another idea %s, and the one before is still taken',
    async (_what, other, sentence) => {
      await writeNote(await open(declared()));
      const refused = open(declared(other));
      await expect(refused).rejects.toBeInstanceOf(DatabaseRefused);
      await expect(refused).rejects.toThrow(sentence);
      await open(declared());
    },
  );

  test('is refused with all that does not fit, in one answer', async () => {
    await writeNote(await open(declared()));
    const other = declared({ fields: { tags: fields.tags }, onDelete: 'delete-wins' });
    await expect(open(other)).rejects.toThrow(/onDelete was .*\n {2}cart\.note is not declared any more/);
  });

  test('is remembered: what was added cannot go once it was written', async () => {
    await open(declared({ fields: { tags: fields.tags } }));
    await writeNote(await open(declared()));
    await expect(open(declared({ fields: { tags: fields.tags } }))).rejects.toThrow(/cart\.note/);
  });

  test('changes freely where no event speaks against it', async () => {
    await writeNote(await open(declared()));
    await open(declared({ fields: { note: fields.note } }));
    await open(declared({ fields: { note: fields.note, tags: counter() } }));
    await open(declared({ ...withNote(lastWriterWins(z.number())), schemaVersion: 2 }));
    await open(declared({ ...withNote(lastWriterWins(z.boolean())), schemaVersion: 2 }));
  });

  test('of a lower schema version is taken back as long as nothing was written under the higher', async () => {
    await writeNote(await open(declared()));
    await open(declared({ schemaVersion: 2 }));
    await open(declared());
    await open(declared({ schemaVersion: 2 }));
    await expect(open(declared({ ...withNote(counter()), schemaVersion: 1 }))).rejects.toThrow(/cart\.note/);
  });

  test('is held against what was declared at each schema version, also after one that nothing was written under', async () => {
    await writeNote(await open(declared()));
    await open(declared({ ...withNote(lastWriterWins(z.number())), schemaVersion: 2 }));
    const older = declared({ ...withNote(lastWriterWins(z.number())), schemaVersion: 1 });
    await expect(open(older)).rejects.toThrow(
      /cart\.note has other options than before; raise schemaVersion above 1/,
    );
  });

  test('goes on from one that could change freely', async () => {
    await open(declared({ ...withNote(counter()), schemaVersion: 1 }));
    const log = await open(declared({ schemaVersion: 1 }));
    await writeNote(log);
    await open(declared({ schemaVersion: 2 }));
  });

  test('may leave a type out, and has to declare it as it was when it comes back', async () => {
    await writeNote(await open(declared()));
    await open(defineAtoll({ entities: { other: entity({ fields }) } }).entityTypes);
    await expect(open(declared(withNote(counter())))).rejects.toThrow(/cart\.note/);
    await open(declared());
  });

  test('is not compared by who declares nothing', async () => {
    await writeNote(await open(declared()));
    await open();
  });
});
