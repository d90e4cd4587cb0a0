import {
  applyUpdate,
  ContentString,
  Doc,
  encodeStateAsUpdate,
  findIndexSS,
  getState,
  Item,
  type Text,
} from 'yjs';
import { holdsMisplaced } from './text-placement.js';
import {
  charactersOf,
  emptyUpdate,
  textRoot,
  type ItemId,
  type TextItem,
  type TextUpdate,
} from './text-update.js';

interface UpdateList {
  readonly update: Uint8Array;
  readonly before: UpdateList | undefined;
}

/**
 * What was found out about the last update that a value met, and what it became. Deciding a change and folding it ask for
 * the same, and so does a batch that is decided again: none of them has to look into the document twice.
 */
interface Step {
  readonly update: Uint8Array;
  differs?: boolean;
  misplaces?: boolean;
  meeting?: Meeting;
  /** Held weakly, for whoever keeps an old value must not keep all that came after it. */
  next?: WeakRef<TextContent>;
}

/**
 * After so many updates without being stored, a value is drawn together: what a rebuild may cost, and keep in memory. No
 * less than a batch has commands, for each batch stores it.
 */
const depthMax = 512;

/**
 * What is in a document: an immutable value, made of stored bytes and the updates since.
 *
 * The yjs document behind it is mutable, so it belongs to one value at a time and moves on to the newest one, for one
 * more update must not cost the whole document. Who asks an older value pays for building a document of its own.
 */
export class TextContent {
  readonly #stored: Uint8Array;
  /** The last first. */
  readonly #since: UpdateList | undefined;
  readonly #depth: number;
  #document: Doc | undefined;
  #bytes: Uint8Array | undefined;
  #text: string | undefined;
  #step: Step | undefined;

  constructor(stored: Uint8Array, since?: UpdateList, depth = 0) {
    this.#stored = stored;
    this.#since = since;
    this.#depth = depth;
    if (since === undefined) this.#bytes = stored;
  }

  /** To be changed only by who then calls `movedOn`. */
  get document(): Doc {
    return (this.#document ??= this.#rebuilt());
  }

  get text(): string {
    return (this.#text ??= rootOf(this.document).toString());
  }

  /** The whole document as one yjs update (version 1). */
  get bytes(): Uint8Array {
    return (this.#bytes ??= encodeStateAsUpdate(this.document));
  }

  /** What is known of this value and that update. */
  stepBy(update: Uint8Array): Step {
    if (this.#step === undefined || !isSameBytes(this.#step.update, update)) this.#step = { update };
    return this.#step;
  }

  /** The content with one more update in it. */
  updated(update: Uint8Array): TextContent {
    const known = this.stepBy(update).next?.deref();
    if (known !== undefined) return known;
    applyUpdate(this.document, update);
    return this.movedOn(update);
  }

  /** What this value is with an update that is in its document already: the document goes on to it. */
  movedOn(update: Uint8Array): TextContent {
    const { document } = this;
    const next = this.#followedBy(update, document);
    this.#document = undefined;
    next.#document = document;
    this.stepBy(update).next = new WeakRef(next);
    return next;
  }

  #followedBy(update: Uint8Array, document: Doc): TextContent {
    if (this.#bytes !== undefined) return new TextContent(this.#bytes, { update, before: undefined }, 1);
    if (this.#depth === depthMax) return new TextContent(encodeStateAsUpdate(document));
    return new TextContent(this.#stored, { update, before: this.#since }, this.#depth + 1);
  }

  #rebuilt(): Doc {
    const updates: Uint8Array[] = [];
    for (let at = this.#since; at !== undefined; at = at.before) updates.push(at.update);
    updates.push(this.#stored);
    // Nothing asks for the document's own name, and a random one costs as much as a small change.
    const document = new Doc({ guid: '' });
    document.clientID = nobody;
    rootOf(document);
    for (const update of updates.reverse()) applyUpdate(document, update);
    return document;
  }
}

/** No client's id: yjs takes another one, and complains, when somebody else's update carries a document's own. */
const nobody = -1;

export const emptyContent = new TextContent(emptyUpdate);

function rootOf(document: Doc): Text {
  return document.getText(textRoot);
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, at) => byte === b[at]));
}

export interface Splice {
  /** The yjs client in whose name the characters are inserted. */
  readonly client: number;
  /** In UTF-16 code units, like `remove`. */
  readonly index: number;
  readonly remove: number;
  readonly insert: string;
}

/** The update that a splice is; `beyond` the end, or `within` a character of two code units, it is none. */
export function spliced(content: TextContent, splice: Splice): Uint8Array | 'beyond' | 'within' {
  const { client, index, remove, insert } = splice;
  const { document } = content;
  const root = rootOf(document);
  if (index + remove > root.length) return 'beyond';
  if (isWithinCharacter(root, index) || isWithinCharacter(root, index + remove)) return 'within';
  if (remove === 0 && insert === '') return emptyUpdate;
  let update: Uint8Array = emptyUpdate;
  const keep = (made: Uint8Array): void => {
    update = made;
  };
  document.clientID = client;
  document.on('update', keep);
  document.transact(() => {
    root.delete(index, remove);
    root.insert(index, insert);
  });
  document.off('update', keep);
  document.clientID = nobody;
  // Its clock goes on from this very document, and it was typed into it: its items are new, and in their places.
  content.stepBy(update).differs = false;
  content.stepBy(update).misplaces = false;
  content.movedOn(update);
  return update;
}

/** Whether an index lies between the two code units of one character, which yjs would replace by U+FFFD. */
function isWithinCharacter(root: Text, index: number): boolean {
  if (index === 0 || index === root.length) return false;
  let left = index;
  for (let item = root._start; item !== null; item = item.right) {
    if (item.deleted || !item.countable) continue;
    if (left < item.length) {
      if (left === 0 || !(item.content instanceof ContentString)) return false;
      return isHigh(item.content.str.charCodeAt(left - 1)) && isLow(item.content.str.charCodeAt(left));
    }
    left -= item.length;
  }
  return false;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/**
 * What an update would meet in a document:
 * - `missing`: it needs items that are not there.
 * - `forked`: it carries an item that is there with other characters, or in another place: two writers shared an id.
 * - `foreign`: it brings new items in the name of a client that `isReserved`.
 * - `misplaced`: it brings one that no view of the document can have put there. Means nothing where the document forked.
 */
export type Meeting = 'fits' | 'missing' | 'forked' | 'foreign' | 'misplaced';

export function meet(
  content: TextContent,
  update: TextUpdate,
  isReserved: (client: number) => boolean,
): Meeting {
  const step = content.stepBy(update.bytes);
  const meeting = step.meeting ?? meetingOf(content, update, isReserved);
  step.meeting = meeting;
  return meeting;
}

function meetingOf(
  content: TextContent,
  update: TextUpdate,
  isReserved: (client: number) => boolean,
): Meeting {
  if (differs(content, update)) return 'forked';
  const { store } = content.document;
  for (const [client, ranges] of update.carried) {
    const known = getState(store, client);
    const [first, last] = [ranges[0], ranges.at(-1)];
    if (first === undefined || last === undefined) continue;
    if (first[0] > known) return 'missing';
    if (last[1] > known && isReserved(client)) return 'foreign';
  }
  const end = (client: number): number =>
    Math.max(getState(store, client), update.carried.get(client)?.at(-1)?.[1] ?? 0);
  const isThere = (id: ItemId | undefined): boolean => id === undefined || id.clock < end(id.client);
  const isWhole =
    update.items.every(({ origin, rightOrigin }) => isThere(origin) && isThere(rightOrigin)) &&
    [...update.deleted].every(([client, ranges]) => (ranges.at(-1)?.[1] ?? 0) <= end(client));
  if (!isWhole) return 'missing';
  const wasWaiting = isWaiting(content.document);
  // Looks at the document as it was, and brings it forward: whoever asks the old one after that pays for it.
  const isMisplaced = misplaces(content, update);
  // yjs may be unable to integrate all of it: items of two clients may wait for each other for ever.
  if (isWaiting(content.updated(update.bytes).document) && !wasWaiting) return 'missing';
  return isMisplaced ? 'misplaced' : 'fits';
}

function isWaiting({ store }: Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null;
}

/**
 * Whether an update brings an item that no view of the document can have put there (see `holdsMisplaced`), by itself or
 * by what had waited for it. The answer means nothing in a forked document.
 *
 * @param bytes what of the update is folded.
 */
export function misplaces(content: TextContent, update: TextUpdate, bytes = update.bytes): boolean {
  const step = content.stepBy(bytes);
  return (step.misplaces ??= findsMisplaced(content, update, bytes));
}

function findsMisplaced(content: TextContent, { carried }: TextUpdate, bytes: Uint8Array): boolean {
  const { document } = content;
  const wasWaiting = isWaiting(document);
  const before = new Map<number, number>();
  for (const client of (wasWaiting ? document.store.clients : carried).keys()) {
    before.set(client, getState(document.store, client));
  }
  const after = content.updated(bytes).document;
  const clients = [...(wasWaiting ? after.store.clients : carried).keys()];
  return clients.some((client) => holdsMisplaced(after, client, before.get(client) ?? 0));
}

/**
 * Whether an update carries an item that is in the document with other characters or in another place.
 *
 * Where an edit fell into a character, yjs has put U+FFFD for both its halves: that is the same item, whichever of the two
 * came first.
 */
export function isForked(content: TextContent, update: TextUpdate): boolean {
  return differs(content, update) && isForkedIn(content.document, update, sameOrReplaced);
}

/** The same, and also where a character was replaced: who sends the whole one has to hear of that first. */
function differs(content: TextContent, update: TextUpdate): boolean {
  // What was decided on this very content was compared then, and the document has moved on since.
  const step = content.stepBy(update.bytes);
  return (step.differs ??= isForkedIn(content.document, update, (here, there) => here === there));
}

type SameCharacters = (here: string, there: string) => boolean;

function sameOrReplaced(here: string, there: string): boolean {
  for (let at = 0; at < here.length; at += 1) {
    const [a, b] = [here.charCodeAt(at), there.charCodeAt(at)];
    const isReplaced = (a === replacement && isSurrogate(b)) || (b === replacement && isSurrogate(a));
    if (a !== b && !isReplaced) return false;
  }
  return here.length === there.length;
}

const replacement = 0xfffd;

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function isForkedIn({ store }: Doc, update: TextUpdate, isSame: SameCharacters): boolean {
  return update.items.some((item) => {
    const { client, clock } = item.id;
    const structs = store.clients.get(client);
    if (structs === undefined || clock >= getState(store, client)) return false;
    const characters = item.isDeleted ? undefined : charactersOf(update, item);
    for (let at = findIndexSS(structs, clock); at < structs.length; at += 1) {
      const known = structs[at] as (typeof structs)[number];
      if (known.id.clock >= clock + item.length) return false;
      if (known instanceof Item && !agree(known, item, { characters, isSame })) return true;
    }
    return false;
  });
}

/** Compares two runs of characters where they overlap. What is deleted has no characters left to compare. */
function agree(
  known: Item,
  item: TextItem,
  { characters, isSame }: { readonly characters: string | undefined; readonly isSame: SameCharacters },
): boolean {
  const from = Math.max(known.id.clock, item.id.clock);
  const to = Math.min(known.id.clock + known.length, item.id.clock + item.length);
  if (!isSameId(originAt(known, from), originAt(item, from))) return false;
  if (!isSameId(known.rightOrigin ?? undefined, item.rightOrigin)) return false;
  if (characters === undefined || !(known.content instanceof ContentString)) return true;
  const here = known.content.str.slice(from - known.id.clock, to - known.id.clock);
  return isSame(here, characters.slice(from - item.id.clock, to - item.id.clock));
}

function originAt(
  run: Pick<TextItem, 'id'> & { origin: ItemId | null | undefined },
  clock: number,
): ItemId | undefined {
  if (clock > run.id.clock) return { client: run.id.client, clock: clock - 1 };
  return run.origin ?? undefined;
}

function isSameId(a: ItemId | undefined, b: ItemId | undefined): boolean {
  return a?.client === b?.client && a?.clock === b?.clock;
}
