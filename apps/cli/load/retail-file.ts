import { entityIdLengthMax } from '#core/event/event-codec.js';
import { isWellFormed } from '#core/event/text-limits.js';
import { InputError, readInputText } from './input-file.js';

/** One line of an invoice, as far as the replay needs it. */
export interface RetailLine {
  readonly invoice: string;
  readonly stockCode: string;
  /** Negative for what came back. */
  readonly quantity: number;
  /** The customer, or the invoice where there is none: whose cart it goes to. */
  readonly cart: string;
}

const columnsNeeded = ['invoice', 'stock_code', 'quantity', 'customer'] as const;

/**
 * Reads a CSV file with the columns of the Online Retail data set; further columns are allowed, in any order.
 *
 * @throws InputError naming the line.
 */
export async function readRetailFile(path: string): Promise<readonly RetailLine[]> {
  return parseRetail(await readInputText(path), path);
}

export function parseRetail(text: string, name: string): readonly RetailLine[] {
  const rows = parseCsv(text, name);
  const head = rows.next();
  if (head.done === true) throw new InputError(`${name}: the file is empty`);
  const places = columnsNeeded.map((column) => head.value.cells.indexOf(column));
  const missing = columnsNeeded.filter((_, index) => places[index] === -1);
  if (missing.length > 0) {
    throw new InputError(
      `${name}:1: no column ${missing.join(', ')}; expected a first line like ` +
        'invoice,stock_code,description,quantity,invoiced_at,unit_price,customer,country',
    );
  }
  const lines: RetailLine[] = [];
  for (const { cells, line } of rows) {
    if (cells.length !== head.value.cells.length) {
      throw new InputError(
        `${name}:${line}: ${cells.length} cells, but the first line names ${head.value.cells.length}`,
      );
    }
    const [invoice = '', stockCode = '', quantity = '', customer = ''] = places.map((place) => cells[place]);
    lines.push(readLine({ invoice, stockCode, quantity, customer }, `${name}:${line}`));
  }
  if (lines.length === 0) throw new InputError(`${name}: there is no line after the first`);
  return lines;
}

function readLine(
  cells: { invoice: string; stockCode: string; quantity: string; customer: string },
  place: string,
): RetailLine {
  const { invoice, stockCode, customer } = cells;
  const quantity = Number(cells.quantity);
  if (!/^-?\d+$/.test(cells.quantity) || !Number.isSafeInteger(quantity)) {
    throw new InputError(`${place}: the quantity ${JSON.stringify(cells.quantity)} is not an integer`);
  }
  const cart = customer === '' ? invoice : customer;
  for (const [column, id] of [
    ['stock_code', stockCode],
    ['customer or invoice', cart],
  ] as const) {
    if (id === '' || id.length > entityIdLengthMax || !isWellFormed(id)) {
      throw new InputError(`${place}: ${column} ${JSON.stringify(id.slice(0, 80))} cannot be an id`);
    }
  }
  return { invoice, stockCode, quantity, cart };
}

interface CsvRow {
  readonly cells: readonly string[];
  /** Where the row begins, from 1. */
  readonly line: number;
}

/** Rows of CSV as RFC 4180 has it: quoted cells may hold commas, doubled quotes and line ends. Blank lines are left out. */
export function* parseCsv(text: string, name: string): Generator<CsvRow, void> {
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const cells: string[] = [];
    const begins = line;
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at, `${name}:${begins}`) : plainCell(text, at);
      cells.push(cell.content);
      line += cell.lineEnds;
      at = cell.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    else if (at < text.length) throw new InputError(`${name}:${line}: text after a closing quote`);
    line += 1;
    if (cells.length > 1 || cells[0] !== '') yield { cells, line: begins };
  }
}

interface Cell {
  readonly content: string;
  /** Index after the cell. */
  readonly end: number;
  readonly lineEnds: number;
}

function plainCell(text: string, from: number): Cell {
  let end = from;
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return { content: text.slice(from, end), end, lineEnds: 0 };
}

function quotedCell(text: string, from: number, place: string): Cell {
  let close = text.indexOf('"', from + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  if (close < 0) throw new InputError(`${place}: a quote is opened and never closed`);
  const content = text.slice(from + 1, close).replaceAll('""', '"');
  return { content, end: close + 1, lineEnds: content.split('\n').length - 1 };
}
