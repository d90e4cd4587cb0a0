import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from './input-file.js';
import { parseCsv, parseRetail, readRetailFile } from './retail-file.js';

const file = fileURLToPath(new URL('../../../data/online-retail.csv.gz', import.meta.url));
const head = 'invoice,stock_code,description,quantity,invoiced_at,unit_price,customer,country';
const withLine = (line: string): string => `${head}\n${line}\n`;

describe('the retail file', () => {
  it('is read whole, with the invoice for a cart where there is no customer', async () => {
    const lines = await readRetailFile(file);
    expect(lines).toHaveLength(10_000);
    expect(lines[0]).toEqual({ invoice: '536365', stockCode: '85123A', quantity: 6, cart: '17850' });
    expect(new Set(lines.map((line) => line.stockCode)).size).toBe(2015);
    expect(lines.filter((line) => line.quantity < 0)).toHaveLength(130);
    expect(lines.filter((line) => line.cart === line.invoice)).toHaveLength(2291);
  });

  it.each([
    ['is empty', '', 'the file is empty'],
    ['lacks a column', 'invoice,stock_code,customer\n', 'FILE:1: no column quantity'],
    ['has no line', `${head}\n`, 'no line after the first'],
    ['has a short line', withLine('1,2,3'), 'FILE:2: 3 cells'],
    ['has a quantity of another kind', withLine('1,A,x,six,t,1,2,UK'), 'FILE:2: the quantity "six"'],
    ['has a fraction for a quantity', withLine('1,A,x,1.5,t,1,2,UK'), 'is not an integer'],
    ['has no stock code', withLine('1,,x,1,t,1,2,UK'), 'FILE:2: stock_code'],
    ['never closes a quote', withLine('1,A,"x,1,t,1,2,UK'), 'never closed'],
    ['goes on after a quote', withLine('1,A,"x"y,1,t,1,2,UK'), 'after a closing quote'],
  ])('is refused with its place when it %s', (_, text, message) => {
    expect(() => parseRetail(text, 'FILE')).toThrow(InputError);
    expect(() => parseRetail(text, 'FILE')).toThrow(message);
  });
});

describe('CSV', () => {
  it('keeps commas, quotes and line ends within quotes, and counts lines through them', () => {
    const rows = [...parseCsv('a,"b, ""c""\nd",e\r\n\nf,g', 'FILE')];
    expect(rows).toEqual([
      { cells: ['a', 'b, "c"\nd', 'e'], line: 1 },
      { cells: ['f', 'g'], line: 4 },
    ]);
  });
});

describe('an input file', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'atoll-input-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('may be packed or plain, whatever its name', async () => {
    const path = join(directory, 'lines');
    await writeFile(path, withLine('1,A,x,1,t,1,2,UK'));
    const plain = await readRetailFile(path);
    await writeFile(path, gzipSync(withLine('1,A,x,1,t,1,2,UK')));
    expect(await readRetailFile(path)).toEqual(plain);
  });

  it('is refused with a sentence when it is missing, a directory, broken gzip or not a text', async () => {
    const path = join(directory, 'broken');
    await expect(readRetailFile(join(directory, 'none'))).rejects.toThrow('there is no such file');
    await expect(readRetailFile(directory)).rejects.toThrow('it is a directory');
    await writeFile(path, Buffer.from([0x1f, 0x8b, 0, 0]));
    await expect(readRetailFile(path)).rejects.toThrow('cannot be unpacked');
    await writeFile(path, Buffer.from([0xff, 0xfe, 0xfd]));
    await expect(readRetailFile(path)).rejects.toThrow('not a text in UTF-8');
  });
});
