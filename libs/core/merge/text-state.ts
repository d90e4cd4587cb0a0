import { assert } from '../assert.js';
import { decodeBase64, encodeBase64 } from '../base64.js';
import { compareDots, dotKey, sameDot, type Dot } from '../causality/dot.js';
import { compareTimes, type HybridTimestamp } from '../causality/hybrid-timestamp.js';
import type { Json } from '../json.js';
import { decodeIds, encodeIds, noIds, unionOfIds, withoutIds, type IdRanges } from './id-ranges.js';
import { split, type Split, type Stamped } from './policy.js';
import {
  decodeDot,
  decodeTime,
  encodeDot,
  encodeTime,
  storedArray,
  storedObject,
  storedString,
} from './stored-form.js';
import { contribute, decodeTallies, encodeTallies, takeTallies, type Tallies } from './tallies.js';
import { emptyContent, isForked, misplaces, TextContent } from './text-content.js';
import { deletionOf, emptyUpdate, withoutDeletions, type TextUpdate } from './text-update.js';

export interface TextChange {
  readonly update: TextUpdate;
  /** The dot that created the document; absent: this change creates it, and the dot is its own. */
  readonly epoch?: Dot;
  /** The update as it is written, where it came so. */
  readonly base64?: string;
}

/** One document of the field. There are several only where regions created one each without having heard of another. */
export interface TextDocument {
  /** The dot of the command that created it, the survivor's. */
  readonly epoch: Dot;
  /** When it was created. */
  readonly time: HybridTimestamp;
  /** Per actor, the items that the changes have carried that nothing took. */
  readonly contributions: Tallies<IdRanges>;
  readonly content: TextContent;
  /**
   * Whether two writers ever carried different items under one id, or one an item that no view can have put there. What
   * comes after is then folded in the log's order again and again: where an id is two items, or an item has no place, the
   * order in which yjs meets their neighbours shows in the text.
   */
  readonly forked: boolean;
}

/** By the dots of their epochs. */
export type TextState = readonly TextDocument[];

/**
 * The document that is shown: the latest by the hybrid timestamp of its creation, among those that some change still
 * contributes to; if none does, among all.
 */
export function shownDocument(state: TextState): TextDocument | undefined {
  let shown = state[0];
  for (const document of state) {
    if (shown !== undefined && compareForShow(document, shown) > 0) shown = document;
  }
  return shown;
}

function compareForShow(a: TextDocument, b: TextDocument): number {
  const isAlive = ({ contributions }: TextDocument): number => Math.sign(contributions.size);
  return isAlive(a) - isAlive(b) || compareTimes(a.time, b.time) || compareDots(a.epoch, b.epoch);
}

/** Folds one change; `split` where it has to be folded in the log's order (see `foldTexts`). */
export function applyText(state: TextState, stamped: Stamped<TextChange>): TextState | Split {
  const document = documentFor(state, stamped);
  if (document.forked || forks(document.content, stamped)) return split;
  return withDocument(state, withChange(document, stamped, noIds));
}

/**
 * Folds a whole log. Of two updates that carry different characters under one id (two writers shared a client id, in two
 * regions at once) the first in the log's order keeps it, everywhere. An item that no view can have put where it says,
 * which no region that checks what it accepts lets in, stands where that order happens to put it, everywhere.
 */
export function foldTexts(log: readonly Stamped<TextChange>[]): TextState {
  const carried = carriedBySurvivors(log);
  let state: TextState = [];
  for (const stamped of log) {
    const before = documentFor(state, stamped, new TextContent(emptyUpdate));
    const forked = before.forked || forks(before.content, stamped);
    const document = { ...before, forked };
    const ofSurvivor = carried.get(placeOf(stamped)) ?? noIds;
    state = withDocument(state, withChange(document, stamped, ofSurvivor));
  }
  return state.map((document) => (document.forked ? asStored(document) : document));
}

/** The bytes of a forked document do not tell in which order its items came: it reads as it does after a restart. */
function asStored(document: TextDocument): TextDocument {
  return { ...document, content: new TextContent(document.content.bytes) };
}

/** Whether the order of arrival would show from here on. Every region that holds the change finds the same. */
function forks(content: TextContent, { change: { update }, role }: Stamped<TextChange>): boolean {
  return isForked(content, update) || misplaces(content, update, foldedBytes(update, role));
}

/** Of an alias only the items are folded. */
function foldedBytes(update: TextUpdate, role: Stamped<TextChange>['role']): Uint8Array {
  return role === 'alias' ? withoutDeletions(update) : update.bytes;
}

/** An alias of a client's update carries the same items as its survivor: those count. */
function carriedBySurvivors(log: readonly Stamped<TextChange>[]): ReadonlyMap<string, IdRanges> {
  const carried = new Map<string, IdRanges>();
  const aliases = new Set(log.filter(({ role }) => role === 'alias').map(placeOf));
  for (const stamped of log) {
    const place = placeOf(stamped);
    if (stamped.role === 'alias' || !aliases.has(place)) continue;
    carried.set(place, unionOfIds(carried.get(place) ?? noIds, stamped.change.update.carried));
  }
  return carried;
}

/** One command in one document. */
function placeOf(stamped: Stamped<TextChange>): string {
  return `${dotKey(stamped.dot)} ${dotKey(epochOf(stamped))}`;
}

function epochOf({ change, dot, standsFor }: Stamped<TextChange>): Dot {
  return standsFor(change.epoch ?? dot);
}

/** Of a document whose creating change is not there: only a forged event names such an epoch. */
const noTime: HybridTimestamp = { wallMillis: 0, counter: 0, actor: '' };

/**
 * The document that a change goes into, as it was before.
 *
 * @param empty what a new one holds. A whole log needs one of its own: what others made of the shared one may be built
 *   anew from bytes on the way, and a forked document then reads differently.
 */
function documentFor(state: TextState, stamped: Stamped<TextChange>, empty = emptyContent): TextDocument {
  const epoch = epochOf(stamped);
  const known = state.find((document) => sameDot(document.epoch, epoch));
  const time = stamped.change.epoch === undefined ? stamped.time : (known?.time ?? noTime);
  if (known) return { ...known, time };
  return { epoch, time, contributions: new Map(), content: empty, forked: false };
}

function withDocument(state: TextState, document: TextDocument): TextState {
  const [first] = state;
  if (first === undefined || (state.length === 1 && sameDot(first.epoch, document.epoch))) return [document];
  const others = state.filter(({ epoch }) => !sameDot(epoch, document.epoch));
  return [...others, document].sort((a, b) => compareDots(a.epoch, b.epoch));
}

/**
 * An item is deleted as soon as any change that carried it is taken or left out, so that it does not matter in which order
 * they come. Its place in the document stays, because others typed beside it.
 */
function withChange(
  document: TextDocument,
  stamped: Stamped<TextChange>,
  ofSurvivor: IdRanges,
): TextDocument {
  const { change, dot, role, effective } = stamped;
  const { update } = change;
  const updated = document.content.updated(foldedBytes(update, role));
  if (role === 'alias') {
    return { ...document, content: withDeleted(updated, withoutIds(update.carried, ofSurvivor)) };
  }
  // An item that is here already, but that the client knew as deleted, need not be in the update's delete set.
  const content = withDeleted(updated, update.carriedDeleted);
  if (!effective) return { ...document, content: withDeleted(content, update.carried) };
  const contributions = contribute(document.contributions, { dot, amount: update.carried }, unionOfIds);
  return { ...document, contributions, content };
}

function withDeleted(content: TextContent, ids: IdRanges): TextContent {
  const deletion = deletionOf(ids);
  return deletion === undefined ? content : content.updated(deletion);
}

/** Deletes what the taken changes carried; the rest stays where it is, never typed anew. */
export function takeTexts(state: TextState, taken: (dot: Dot) => boolean): TextState | Split {
  const left: TextDocument[] = [];
  for (const document of state) {
    if (document.forked) return split;
    const contributions = takeTallies(document.contributions, taken);
    if (contributions === split) return split;
    let gone = noIds;
    for (const [actor, { total }] of document.contributions) {
      if (!contributions.has(actor)) gone = unionOfIds(gone, total);
    }
    left.push({ ...document, contributions, content: withDeleted(document.content, gone) });
  }
  return left;
}

export function encodeTexts(state: TextState): Json {
  // In canonical order: see `canonicalText`.
  return state.map(({ epoch, time, contributions, content, forked }) => ({
    content: encodeBase64(content.bytes),
    contributions: encodeTallies(contributions, encodeIds),
    epoch: encodeDot(epoch),
    forked,
    time: encodeTime(time),
  }));
}

export function decodeTexts(json: Json): TextState {
  return storedArray(json).map((entry) => {
    const { epoch, time, contributions, content, forked } = storedObject(entry);
    const bytes = decodeBase64(storedString(content));
    assert(bytes !== undefined, 'a stored text is base64');
    return {
      epoch: decodeDot(epoch),
      time: decodeTime(time),
      contributions: decodeTallies(contributions as Json, decodeIds),
      content: new TextContent(bytes),
      forked: forked === true,
    };
  });
}
