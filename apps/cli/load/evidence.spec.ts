import { describe, expect, it } from 'vitest';
import type { ListedEntity } from '#client/wire.js';
import { tellHistory } from '../../../test/histories/told-history.js';
import { openJournal } from '../judge/journal.js';
import { finalValues, journalFinals } from './evidence.js';

const shown = (value: ListedEntity['value']): ListedEntity => ({
  ...{ type: 'x', id: '1', value, version: 'v', seen: { 'us~1': 2 } },
  ...{ conflicts: [], quarantined: false, stalenessMs: 0 },
});

describe('final values', () => {
  it('are those of the fields that were written, entries of maps one by one', () => {
    const told = tellHistory();
    told.write('a', { field: 'name' });
    told.tell({ kind: 'increment', input: 2, output: null }, { field: 'lines/sku%201' });
    const value = { name: 'a', lines: { 'sku 1': 2, other: 3 }, untouched: true };
    expect(
      finalValues('us', [shown(value)], told.operations).map((final) => [final.field, final.value]),
    ).toEqual([
      ['name', 'a'],
      ['lines/sku%201', 2],
    ]);
  });

  it('leave out what is a region its own: the rights of a bounded counter', () => {
    const told = tellHistory();
    told.tell({ kind: 'spend', input: 2, output: true });
    const value = { f: { value: 5, rightsHere: 2 } };
    expect(finalValues('us', [shown(value)], told.operations)[0]?.value).toBe(5);
  });

  it('go into the journal with what the region has seen of the entity', async () => {
    const journal = await openJournal('run', undefined);
    const told = tellHistory();
    for (const { run: _, ...line } of [told.write('a')]) journal.operation(line);
    journalFinals('eu', [shown({ f: 'a' })], journal);
    expect(journal.history().finals).toEqual([
      {
        run: 'run',
        final: true,
        region: 'eu',
        type: 'x',
        id: '1',
        field: 'f',
        value: 'a',
        seen: { 'us~1': 2 },
      },
    ]);
  });
});
