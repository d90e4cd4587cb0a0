import type { Dot } from '../causality/dot.js';
import { nothingSeen, type VersionVector } from '../causality/version-vector.js';
import type { Dependencies } from '../consistency/dependencies.js';

/**
 * An entity folded to a compact form (PROTOCOL §4): what a read needs, and no more than an ordinary event needs.
 *
 * Immutable. Equal `seen` means equal readable state (INV-4); two compact forms may differ in what no read shows.
 */
export interface EntityState {
  /** Every event folded here, aliases included. */
  readonly seen: VersionVector;
  /** Per actor, the last update that no delete took. The entity exists while it is not empty. */
  readonly touched: VersionVector;
  /**
   * The deletes that no other delete is after, in order of their dots. Delete-wins: an update counts when it has seen
   * them all. Under either rule: an update that has seen them all is concurrent with no delete.
   */
  readonly deletes: readonly Dot[];
  /** State per field; a field no change has touched is absent. */
  readonly fields: ReadonlyMap<string, unknown>;
  /** Commands with several copies here: each copy's key -> the survivor first, then its aliases. Usually empty. */
  readonly copies: ReadonlyMap<string, readonly Dot[]>;
  /**
   * What the events folded here depended on and is not stable yet; absent where nothing is. No read shows it: it goes
   * into the tokens of causal answers, and regions may hold more or less of it.
   */
  readonly dependencies?: Dependencies | undefined;
}

export const untouchedEntity: EntityState = {
  seen: nothingSeen,
  touched: nothingSeen,
  deletes: [],
  fields: new Map(),
  copies: new Map(),
};
