export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Wider cells are cut in the middle of nowhere and end with `…`. */
const cellWidthMax = 72;

/** Lays a table out in columns, two spaces apart; the last column is never padded. Pure. */
export function formatTable(table: Table, indent = ''): readonly string[] {
  const all = [table.columns, ...table.rows].map((row) => row.map(shorten));
  const widths = table.columns.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  return all.map((row) => {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)));
    return (indent + cells.join('  ')).trimEnd();
  });
}

function shorten(cell: string): string {
  const line = cell.replaceAll('\n', ' ');
  const characters = [...line];
  return characters.length <= cellWidthMax ? line : `${characters.slice(0, cellWidthMax - 1).join('')}…`;
}

/** Characters, not UTF-16 units: good enough for the letters of the examples. */
function widthOf(cell: string): number {
  return [...cell].length;
}
