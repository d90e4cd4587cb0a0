/** One operation on one register, as its client knows it. Written values are unique; `undefined` is the first value. */
export interface RegisterOperation {
  readonly kind: 'read' | 'write' | 'cas';
  /** What was read, or written. */
  readonly value: string | undefined;
  /** What a `cas` had to find. */
  readonly expected?: string | undefined;
  readonly invoked: number;
  /** Infinity: nobody knows whether it took effect, or when. */
  readonly completed: number;
}

/**
 * Whether some order of the operations explains them all: each takes effect at one moment between its call and its answer,
 * those of unknown outcome at any moment after their call or never.
 *
 * Source: Wing and Gong, "Testing and Verifying Concurrent Objects", 1993, with Lowe's memory of configurations (2017).
 */
export function isLinearizable(history: readonly RegisterOperation[]): boolean {
  const operations = [...history].sort((a, b) => a.invoked - b.invoked);
  const certain = operations.filter(({ completed }) => completed !== Infinity).length;
  const visited = new Set<string>();
  const done = operations.map(() => false);

  const search = (value: string | undefined, left: number): boolean => {
    if (left === 0) return true;
    const key = `${done.map((is) => (is ? '1' : '0')).join('')} ${value ?? ''}`;
    if (visited.has(key)) return false;
    visited.add(key);
    let earliest = Infinity;
    for (const [at, { completed }] of operations.entries())
      if (!done[at] && completed < earliest) earliest = completed;
    for (const [at, operation] of operations.entries()) {
      if (done[at]) continue;
      // Whatever was called after the first of those that are left was answered cannot come before it.
      if (operation.invoked > earliest) break;
      const after = applied(operation, value);
      if (after === undefined) continue;
      done[at] = true;
      if (search(after.value, operation.completed === Infinity ? left : left - 1)) return true;
      done[at] = false;
    }
    return false;
  };
  return search(undefined, certain);
}

function applied(
  { kind, value, expected }: RegisterOperation,
  current: string | undefined,
): { readonly value: string | undefined } | undefined {
  if (kind === 'read') return value === current ? { value: current } : undefined;
  if (kind === 'cas') return expected === current ? { value } : undefined;
  return { value };
}
