import { findIndexSS, getState, Item, type Doc } from 'yjs';
import type { ItemId } from './text-update.js';

type Store = Doc['store'];

/**
 * Whether a document holds, from this clock of a client on, an item that no view of it can have put there. All that was
 * there before must be in its place.
 *
 * A client types between two neighbours: those of an item stand in the order they have in the document, and nothing that
 * either of them was typed beside, at any remove, stands between them. YATA converges on such items alone. The answer
 * depends on the item and on what it refers to, so it is the same wherever and in whatever order the items arrive.
 *
 * That a client shows no place that it had filled itself is not asked for: to yjs, two items of a client are as those of
 * two clients whose ids descend with the clock, for it meets them in no other order.
 */
export function holdsMisplaced({ store }: Doc, client: number, from: number): boolean {
  const structs = store.clients.get(client);
  if (structs === undefined || from >= getState(store, client)) return false;
  for (let at = findIndexSS(structs, from); at < structs.length; at += 1) {
    const item = structs[at];
    if (item instanceof Item && !isInPlace(store, item)) return true;
  }
  return false;
}

/**
 * What the left neighbour goes back to was on none but its own two sides: the nearest of it to the right is its own right
 * neighbour, and the same holds the other way round. So the two ids stand for all of it, and nobody has to collect it.
 */
function isInPlace(store: Store, { origin, rightOrigin }: Item): boolean {
  const left = itemAt(store, origin);
  const right = itemAt(store, rightOrigin);
  const rightOfLeft = left?.rightOrigin ?? null;
  const leftOfRight = right && rightOrigin && leftOf(right, rightOrigin.clock);
  // One was typed beside the other: whoever typed it had nothing between them.
  if (isSame(rightOfLeft, rightOrigin) || isSame(leftOfRight, origin)) return true;
  // One of the two is the beginning or the end, and something else is known there.
  if (origin === null || rightOrigin === null || left === null || right === null) return false;
  // Within one run of characters, only those that follow each other are neighbours.
  if (left === right || rightOrigin.clock !== right.id.clock) return false;
  if (holds(left, leftOfRight) && (leftOfRight as ItemId).clock > origin.clock) return false;
  let item = left.right;
  while (item !== null && item !== right) {
    if (holds(item, rightOfLeft) || holds(item, leftOfRight)) return false;
    item = item.right;
  }
  return item === right;
}

function itemAt(store: Store, id: ItemId | null): Item | null {
  const structs = id === null ? undefined : store.clients.get(id.client);
  if (id === null || structs === undefined) return null;
  const struct = structs[findIndexSS(structs, id.clock)];
  return struct instanceof Item ? struct : null;
}

/** What a character of a run was typed to the right of. */
function leftOf(run: Item, clock: number): ItemId | null {
  return clock > run.id.clock ? { client: run.id.client, clock: clock - 1 } : run.origin;
}

function holds({ id, length }: Item, wanted: ItemId | null): boolean {
  if (wanted === null || wanted.client !== id.client) return false;
  return wanted.clock >= id.clock && wanted.clock < id.clock + length;
}

function isSame(a: ItemId | null, b: ItemId | null): boolean {
  return a?.client === b?.client && a?.clock === b?.clock;
}
