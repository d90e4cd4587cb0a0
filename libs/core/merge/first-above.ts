/** Where the first entry above a seq is, of entries in order of seq; their number where there is none. */
export function firstAbove<T>(entries: readonly T[], seq: number, seqOfEntry: (entry: T) => number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (seqOfEntry(entries[middle] as T) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
