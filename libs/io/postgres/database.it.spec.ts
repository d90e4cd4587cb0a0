import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cart, entityRow, storedEvent, Writer } from '#kit/contracts/event-log/fixtures.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { DatabaseRefused } from './failures.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations.js';
import {
  openPostgresEventLog,
  type PostgresEventLog,
  type PostgresEventLogOptions,
} from './postgres-event-log.js';

let database: ScratchDatabase;
let sql: pg.Client;
const logs: PostgresEventLog[] = [];

async function open(changes: Partial<PostgresEventLogOptions> = {}): Promise<PostgresEventLog> {
  const log = await openPostgresEventLog({
    url: database.url,
    region: 'eu',
    shards: 4,
    ...changes,
  });
  logs.push(log);
  return log;
}

beforeAll(async () => {
  database = await ScratchDatabase.create();
  ({ sql } = database);
});
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()));
  await sql.query('drop schema if exists atoll, atoll_data, reports cascade');
});
afterAll(() => database?.drop());

describe('the identity of a region', () => {
  test('is made once, also when several processes start at the same moment', async () => {
    const opened = await Promise.all([open(), open(), open()]);
    expect(new Set(opened.map(({ identity }) => identity.actor)).size).toBe(1);
    expect(opened[0]?.identity.actor).toMatch(/^eu~[0-9a-z]{3}[0-9A-Za-z_-]{11}$/);
    expect((await open()).identity).toEqual(opened[0]?.identity);
  });

  test('differs between two lives of a database', async () => {
    const first = await open();
    await first.close();
    await sql.query('drop schema atoll cascade');
    expect((await open()).identity.actor).not.toBe(first.identity.actor);
  });

  test('refuses another number of shards, and names both', async () => {
    await open();
    const refused = open({ shards: 8 });
    await expect(refused).rejects.toBeInstanceOf(DatabaseRefused);
    await expect(refused).rejects.toThrow(/4 shards.* 8/);
  });

  test('refuses another region, and names both', async () => {
    await open();
    await expect(open({ region: 'us' })).rejects.toThrow(/'eu'.*'us'/);
  });

  test('refuses a database that was restored or copied, until an operator accepts it (INV-8)', async () => {
    await open();
    await sql.query('update atoll.region_identity set system_identifier = 42');
    await expect(open()).rejects.toThrow(/INV-8.*restored, copied or failed over/);
    const accepted = await open({ acceptChangedDatabase: true });
    expect((await open()).identity).toEqual(accepted.identity);
  });
});

describe('the schema', () => {
  test('refuses a database that newer code has migrated', async () => {
    await open();
    await sql.query(`insert into atoll.migration (number, name) values (99, 'from the future')`);
    await expect(open()).rejects.toThrow(/version 99, this program knows versions up to \d+/);
  });

  test('applies a step once, and none when one fails', async () => {
    const steps = [...migrations, { number: 90, name: 'a', sql: 'create table atoll.a ()' }];
    const broken = [...steps, { number: 91, name: 'b', sql: 'create table atoll.b (); select 1 / 0' }];
    const apply = async (given: typeof steps): Promise<void> => {
      await sql.query('begin');
      try {
        await migrate(sql, given);
        await sql.query('commit');
      } catch (error) {
        await sql.query('rollback');
        throw error;
      }
    };
    await expect(apply(broken)).rejects.toThrow(/division by zero/);
    expect((await sql.query(`select to_regclass('atoll.a') as a`)).rows).toEqual([{ a: null }]);
    await apply(steps);
    await apply(steps);
    const { rows } = await sql.query('select number from atoll.migration order by number desc limit 1');
    expect(rows).toEqual([{ number: 90 }]);
  });
});

describe('views', () => {
  const value = (json: unknown): string => JSON.stringify(json);

  test('show events, entities and waiting events as JSON, and refuse writes', async () => {
    const log = await open();
    const writer = await Writer.of(log);
    const stored = storedEvent({
      dot: { actor: log.identity.actor, seq: 1 },
      entity: cart('1'),
      padding: 'ä',
    });
    await writer.write({
      lastSeq: 1,
      events: [stored],
      entities: [entityRow(cart('1'))],
      waiting: [{ dot: stored.event.dot, entity: cart('1'), state: 'parked', reason: 'drift' }],
    });
    const { actor } = log.identity;
    const event = (await sql.query('select * from atoll.event_json')).rows[0];
    expect(event).toMatchObject({ shard: 0, actor, seq: '1', type: 'cart', id: '1', hash: stored.hash });
    expect(event.event).toMatchObject({ actor, seq: 1, changes: [['note', 1, 'ä']] });
    expect((await sql.query('select * from atoll.entity_json')).rows).toEqual([
      { type: 'cart', id: '1', shard: 0, state: { state: 1 }, value: { of: { state: 1 } } },
    ]);
    expect((await sql.query('select actor, reason from atoll.waiting_event')).rows).toEqual([
      { actor, reason: 'drift' },
    ]);
    await expect(sql.query('delete from atoll.event_json')).rejects.toThrow('atoll.event_json is read-only');
    await expect(sql.query(`update atoll.entity_json set id = '2'`)).rejects.toThrow('read-only');
  });

  test('show each type with a column per field, only entities that exist, and refuse writes', async () => {
    const log = await open();
    const writer = await Writer.of(log);
    await writer.write({
      entities: [
        { ...entityRow(cart('1')), value: value({ total: 3, 'it"s \\ odd': [true], id: 'inner' }) },
        { ...entityRow(cart('2')), value: value({ total: null }) },
        { ...entityRow(cart('gone')), value: null },
        entityRow({ type: 'other', id: '1' }),
      ],
    });
    const types = [{ name: 'cart', fields: ['total', 'it"s \\ odd', 'id', 'value', 'never-set'] }];
    expect(await log.createTypeViews(types)).toEqual({ created: ['cart'], kept: [] });
    const { rows } = await sql.query('select * from atoll_data.cart order by id');
    expect(rows).toEqual([
      {
        id: '1',
        total: 3,
        'it"s \\ odd': [true],
        'never-set': null,
        value: { total: 3, 'it"s \\ odd': [true], id: 'inner' },
      },
      { id: '2', total: null, 'it"s \\ odd': null, 'never-set': null, value: { total: null } },
    ]);
    await expect(sql.query(`delete from atoll_data.cart where id = '1'`)).rejects.toThrow(
      'atoll_data.cart is read-only',
    );
    await expect(sql.query(`insert into atoll_data.cart (id) values ('3')`)).rejects.toThrow('read-only');
  });

  test('are made again when the declaration changed, and go with their type', async () => {
    const log = await open();
    const [a, b] = [
      { name: 'a', fields: ['x'] },
      { name: 'b', fields: [] },
    ];
    expect((await log.createTypeViews([a, b])).created).toEqual(['a', 'b']);
    expect(await log.createTypeViews([a, b])).toEqual({ created: [], kept: [] });
    expect((await log.createTypeViews([{ ...a, fields: ['y', 'x'] }])).created).toEqual(['a']);
    const { rows } = await sql.query(`select viewname from pg_views where schemaname = 'atoll_data'`);
    expect(rows).toEqual([{ viewname: 'a' }]);
    expect((await sql.query('select * from atoll_data.a')).fields.map(({ name }) => name)).toEqual([
      'id',
      'y',
      'x',
      'value',
    ]);
  });

  test('stay as they are when a view of a user depends on them, and the others are made', async () => {
    const log = await open();
    await log.createTypeViews([{ name: 'a', fields: ['x'] }]);
    await sql.query('create schema reports; create view reports.mine as select x from atoll_data.a');
    const result = await log.createTypeViews([
      { name: 'a', fields: ['y'] },
      { name: 'b', fields: [] },
    ]);
    expect(result).toMatchObject({
      created: ['b'],
      kept: [{ view: 'a', reason: expect.stringContaining('depend') }],
    });
    expect((await sql.query('select * from reports.mine')).rows).toEqual([]);
  });

  test('tell two types apart whose long names begin alike', async () => {
    const log = await open();
    const names = ['x'.repeat(63) + 'a', 'x'.repeat(63) + 'b'];
    const { created } = await log.createTypeViews(names.map((name) => ({ name, fields: [] })));
    expect(new Set(created).size).toBe(2);
    expect((await log.createTypeViews(names.map((name) => ({ name, fields: [] })))).created).toEqual([]);
  });
});
