import type { FieldOperation } from '#client/wire.js';
import type { EntityRef } from '#core/event/event.js';
import type { RetailLine } from './retail-file.js';

/** What a line does to one entity. */
export interface RetailCommand {
  readonly entity: EntityRef;
  readonly operation: FieldOperation;
}

/** The two commands of a line: the product is sold, and the cart holds it, or gave it back. */
export function commandsOf({
  stockCode,
  quantity,
  cart,
}: RetailLine): readonly [RetailCommand, RetailCommand] {
  return [
    {
      entity: { type: 'product', id: stockCode },
      operation: { field: 'sold', op: 'increment', by: quantity },
    },
    {
      entity: { type: 'cart', id: cart },
      operation: {
        field: quantity < 0 ? 'returned' : 'lines',
        op: 'at',
        key: stockCode,
        then: { op: 'increment', by: Math.abs(quantity) },
      },
    },
  ];
}

/** A customer who starts in one region and goes on in another, with the session token as only luggage. */
export interface MovingCustomer {
  readonly cart: string;
  readonly from: string;
  readonly to: string;
  /** Indexes of the lines, in order. */
  readonly lines: readonly number[];
  /** How many of them are done before the move. */
  readonly linesBefore: number;
}

/** How a command is sent a second time on purpose: with its mutation id, to the same region or to another. */
export type PlannedRetry = 'again' | 'elsewhere';

/** Who sends which line where. Every line is in exactly one place. */
export interface RetailPlan {
  /** By region: lines of its own customers, sent in batches, in order. */
  readonly batched: ReadonlyMap<string, readonly number[]>;
  readonly moving: readonly MovingCustomer[];
  /** Sent to both ends of the cut link at once, while it is cut, as a client does that got no answer in time. */
  readonly raced: readonly number[];
  /** By line of a moving customer: both its commands are sent twice. */
  readonly retried: ReadonlyMap<number, PlannedRetry>;
}

export interface PlanSizes {
  /** Of all lines, the share that belongs to customers who move. */
  readonly movingShare: number;
  /** Lines of moving customers whose commands are sent twice. */
  readonly retriedLines: number;
  readonly racedLines: number;
}

export const planSizesDefault: PlanSizes = { movingShare: 0.1, retriedLines: 70, racedLines: 60 };

/** Fewer lines are no journey, more would be the longest chain of the whole replay. */
const movingLinesMin = 4;
const movingLinesMax = 48;

/**
 * Divides the lines among the regions: customers are dealt out so that each region has about as many lines, a share of
 * them moves, and a few lines are kept for the time of the cut. The same file gives the same plan.
 */
export function planRetail(
  lines: readonly RetailLine[],
  regions: readonly string[],
  sizes: PlanSizes = planSizesDefault,
): RetailPlan {
  const carts = cartsOf(lines);
  const moving = chooseMoving(carts, regions, sizes.movingShare * lines.length);
  const movingCarts = new Set(moving.map(({ cart }) => cart));
  const raced = chooseRaced(carts, movingCarts, Math.min(sizes.racedLines, lines.length * racedShareMax));
  const racedCarts = new Set(raced.map((line) => lines[line]?.cart ?? ''));
  const staying = [...carts].filter(([cart]) => !movingCarts.has(cart) && !racedCarts.has(cart));
  const retried = moving
    .flatMap((customer) => customer.lines)
    .slice(0, sizes.retriedLines)
    .map((line, index): [number, PlannedRetry] => [line, index % 2 === 0 ? 'again' : 'elsewhere']);
  return { batched: dealOut(staying, regions), moving, raced, retried: new Map(retried) };
}

type Carts = ReadonlyMap<string, readonly number[]>;

function cartsOf(lines: readonly RetailLine[]): Carts {
  const carts = new Map<string, number[]>();
  for (const [index, { cart }] of lines.entries()) {
    const own = carts.get(cart);
    if (own) own.push(index);
    else carts.set(cart, [index]);
  }
  return carts;
}

/** Every third customer of a middling size moves, until there are enough of them. */
function chooseMoving(
  carts: Carts,
  regions: readonly string[],
  linesWanted: number,
): readonly MovingCustomer[] {
  if (regions.length < 2) return [];
  const moving: MovingCustomer[] = [];
  let planned = 0;
  let met = 0;
  for (const [cart, lines] of carts) {
    if (lines.length < movingLinesMin || lines.length > movingLinesMax) continue;
    met += 1;
    if (met % 3 !== 0 || planned + lines.length > linesWanted) continue;
    planned += lines.length;
    const from = regions[moving.length % regions.length] ?? '';
    const step = 1 + (Math.floor(moving.length / regions.length) % (regions.length - 1));
    const to = regions[(moving.length + step) % regions.length] ?? '';
    moving.push({ cart, from, to, lines, linesBefore: Math.ceil(lines.length / 2) });
  }
  return moving;
}

/** The cut waits until others have sent a share of the lines: of few lines, few can be kept for it. */
const racedShareMax = 0.1;

/** Whole carts of small customers, the last of the file first, up to about so many lines. */
function chooseRaced(carts: Carts, taken: ReadonlySet<string>, linesWanted: number): readonly number[] {
  const raced: number[] = [];
  for (const [cart, lines] of [...carts].reverse()) {
    if (taken.has(cart) || raced.length + lines.length > linesWanted) continue;
    raced.push(...lines);
  }
  return raced;
}

/** The largest customer first, each to the region that has the fewest lines so far; then in the order of the file. */
function dealOut(
  carts: readonly (readonly [string, readonly number[]])[],
  regions: readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const dealt = new Map<string, number[]>(regions.map((region) => [region, []]));
  for (const [, lines] of carts.toSorted(([, a], [, b]) => b.length - a.length)) {
    const [region = ''] = regions.toSorted(
      (a, b) => (dealt.get(a)?.length ?? 0) - (dealt.get(b)?.length ?? 0),
    );
    dealt.get(region)?.push(...lines);
  }
  return new Map([...dealt].map(([region, lines]) => [region, lines.toSorted((a, b) => a - b)]));
}

/** What a sequential pass over the lines sells of each product. */
export function totalsOf(lines: readonly RetailLine[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const { stockCode, quantity } of lines) totals.set(stockCode, (totals.get(stockCode) ?? 0) + quantity);
  return totals;
}

/** The text whose SHA-256 the report gives: `sku=total` lines, sorted by their bytes. */
export function totalsText(totals: ReadonlyMap<string, number>): string {
  const lines = [...totals].map(([sku, total]) => Buffer.from(`${sku}=${total}\n`, 'utf8'));
  return Buffer.concat(lines.toSorted(Buffer.compare)).toString('utf8');
}
