import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readRetailFile, type RetailLine } from './retail-file.js';
import { commandsOf, planRetail, totalsOf, totalsText } from './retail-plan.js';

const lines = await readRetailFile(
  fileURLToPath(new URL('../../../data/online-retail.csv.gz', import.meta.url)),
);
const regions = ['us', 'eu', 'ap'];
const plan = planRetail(lines, regions);

const line = (quantity: number): RetailLine => ({
  invoice: '1',
  stockCode: '85123A',
  quantity,
  cart: '17850',
});

describe('a line of the retail file', () => {
  it('sells a product and counts under the lines of a cart', () => {
    expect(commandsOf(line(6))).toEqual([
      { entity: { type: 'product', id: '85123A' }, operation: { field: 'sold', op: 'increment', by: 6 } },
      {
        entity: { type: 'cart', id: '17850' },
        operation: { field: 'lines', op: 'at', key: '85123A', then: { op: 'increment', by: 6 } },
      },
    ]);
  });

  it('takes back from a product and counts under what a cart returned, when it is negative', () => {
    const [product, cart] = commandsOf(line(-6));
    expect(product.operation).toMatchObject({ by: -6 });
    expect(cart.operation).toMatchObject({ field: 'returned', then: { by: 6 } });
  });
});

describe('the plan of the replay', () => {
  it('sends every line exactly once', () => {
    const sent = [
      ...[...plan.batched.values()].flat(),
      ...plan.moving.flatMap((customer) => customer.lines),
      ...plan.raced,
    ];
    expect(sent.toSorted((a, b) => a - b)).toEqual(lines.map((_, index) => index));
  });

  it('gives each region about as many lines, and keeps a customer who stays in one region', () => {
    const counts = [...plan.batched.values()].map((own) => own.length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(100);
    const regionOf = new Map<string, string>();
    for (const [region, own] of plan.batched) {
      for (const index of own) {
        const { cart = '' } = lines[index] ?? {};
        expect(regionOf.get(cart) ?? region).toBe(region);
        regionOf.set(cart, region);
      }
    }
  });

  it('moves a share of the customers, from and to every region', () => {
    const share = plan.moving.flatMap((customer) => customer.lines).length / lines.length;
    expect(share).toBeGreaterThan(0.08);
    expect(new Set(plan.moving.map(({ from, to }) => `${from}>${to}`)).size).toBe(6);
    for (const { from, to, lines: own, linesBefore } of plan.moving) {
      expect(from).not.toBe(to);
      expect(linesBefore).toBeGreaterThan(0);
      expect(linesBefore).toBeLessThan(own.length);
    }
  });

  it('retries more than 200 commands, in their own region, in another, and on both sides of the cut', () => {
    expect((plan.retried.size + plan.raced.length) * 2).toBeGreaterThan(220);
    expect([...plan.retried.values()].filter((retry) => retry === 'elsewhere').length).toBeGreaterThan(30);
    expect(plan.raced.length).toBeGreaterThan(40);
  });

  it('is the same for the same file', () => {
    expect(planRetail(lines, regions)).toEqual(plan);
  });

  it('works for few lines and for two regions', () => {
    const few = planRetail(lines.slice(0, 5), ['a', 'b']);
    expect([...few.batched.values()].flat().length + few.raced.length + few.moving.length * 5).toBe(5);
  });
});

describe('the totals', () => {
  it('are those of a sequential pass', () => {
    const totals = totalsOf(lines);
    expect(totals.size).toBe(2015);
    expect([...totals.values()].reduce((sum, total) => sum + total, 0)).toBe(
      lines.reduce((sum, { quantity }) => sum + quantity, 0),
    );
  });

  it('are written as lines sorted by their bytes, so that one total is not between two of a longer code', () => {
    const totals = new Map([
      ['85123a', 1],
      ['85123A', -2],
      ['8', 3],
      ['é', 4],
      ['BANK CHARGES', 0],
    ]);
    expect(totalsText(totals)).toBe('85123A=-2\n85123a=1\n8=3\nBANK CHARGES=0\né=4\n');
  });
});
