/** What a read may return at least; a level that cannot be kept is refused, never lowered (INV-10). */
export type Level =
  | { readonly kind: 'eventual' }
  | { readonly kind: 'session' }
  /** As `session`; what comes back also stands for what the value depends on. */
  | { readonly kind: 'causal' }
  | {
      readonly kind: 'bounded';
      /** No staler than this when the answer is given. */
      readonly maxMillis: number;
      /** What to do while the region is staler than that. */
      readonly otherwise: 'fetch' | 'redirect' | 'refuse';
    }
  | { readonly kind: 'quorum' }
  /** Linearizable, for types that are declared strong. */
  | { readonly kind: 'strong' };

export const eventual: Level = { kind: 'eventual' };
export const session: Level = { kind: 'session' };

const bounded = /^bounded;max=(\d{1,7})ms(?:;else=(fetch|redirect|refuse))?$/;

/** Reads a level as clients write it; `undefined` when it is none. */
export function parseLevel(text: string): Level | undefined {
  if (text === 'eventual') return eventual;
  if (text === 'session') return session;
  if (text === 'causal') return { kind: 'causal' };
  if (text === 'quorum') return { kind: 'quorum' };
  if (text === 'strong') return { kind: 'strong' };
  const [, max, otherwise = 'fetch'] = bounded.exec(text) ?? [];
  if (max === undefined) return undefined;
  return { kind: 'bounded', maxMillis: Number(max), otherwise: otherwise as 'fetch' | 'redirect' | 'refuse' };
}
