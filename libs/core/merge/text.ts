import { decodeBase64, encodeBase64 } from '../base64.js';
import { sameDot, type Actor, type Dot } from '../causality/dot.js';
import { isWellFormed } from '../event/text-limits.js';
import type { Json, JsonObject } from '../json.js';
import {
  hasExactly,
  invalidValue,
  outOfRange,
  readInteger,
  unknownOperation,
  wrongArguments,
} from './operation.js';
import type { Decision, DecisionStamp, MergePolicy, Operation, Rejection } from './policy.js';
import { emptyContent, meet, spliced, type Meeting, type Splice } from './text-content.js';
import {
  applyText,
  decodeTexts,
  encodeTexts,
  foldTexts,
  shownDocument,
  takeTexts,
  type TextChange,
  type TextDocument,
  type TextState,
} from './text-state.js';
import { readTextUpdate, textRoot, updateBytesMax, type TextUpdate } from './text-update.js';

/**
 * A plain text that many edit at once: a yjs document, whose root is `getText('text')`.
 *
 * `splice` is for clients without yjs: the region turns it into an update, in the name of a client id of its actor.
 * `update` takes a yjs update (version 1, base64) of a client with its own document. Either way the event carries the
 * update, and every region folds the same items.
 *
 * A document has an epoch, the dot of the change that created it. Regions that create one each, without having heard of
 * the other, have two: the later is shown, the other stays, and the pair is told as a conflict; two documents are never
 * poured into one, which would double what both were seeded with. What a delete takes is deleted item by item, and what
 * it had not seen stays; the document, its epoch included, goes on, so that what was typed beside deleted items finds its
 * place.
 *
 * Source: Nicolaescu et al., "Near Real-Time Peer-to-Peer Shared Editing on Extensible Data Types", 2016 (YATA); yjs 13.
 */
export function text(): MergePolicy<TextState, TextChange> {
  /** The change that was last written or read: who decides, stores and folds it asks for the same one. */
  let last: { readonly json: Json; readonly change: TextChange } | undefined;
  return {
    name: 'text',
    version: 1,
    description: { name: 'text', version: 1, root: textRoot },
    foldsAliases: true,
    replacesObserved: false,

    initial: () => [],
    decide(state, operation, stamp) {
      if (operation.op === 'splice') return decideSplice(state, operation, stamp);
      if (operation.op === 'update') return decideUpdate(state, operation);
      return unknownOperation('text', operation, ['splice', 'update']);
    },
    readChange(json) {
      if (last?.json === json) return last.change;
      const change = readChange(json);
      if (change) last = { json, change };
      return change;
    },
    writeChange(change) {
      const json = writtenChange(change);
      last = { json, change };
      return json;
    },

    apply: applyText,
    take: takeTexts,
    fold: foldTexts,
    reach: () => ({ place: [], takes: 'nothing' }),

    // Changes of one document commute. One that creates a document has concurrent ones only in others.
    conflicts: (a, b) => a.epoch === undefined || b.epoch === undefined || !sameDot(a.epoch, b.epoch),
    conflictKey: () => '',

    value(state) {
      const shown = shownDocument(state);
      return shown === undefined ? '' : shown.content.text;
    },
    encode: encodeTexts,
    decode: decodeTexts,
  };
}

/** Client ids of regions begin above all that yjs draws for its own documents (32 bits). */
const regionClientMin = 2 ** 32;

/**
 * The yjs client in whose name an actor's splices are made: derived from the actor, so that its clock goes on wherever
 * the shard is served from. 53 bits, so that no two actors of a system share one (cyrb53, public domain).
 */
export function regionClientOf(actor: Actor): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < actor.length; at += 1) {
    const unit = actor.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  const hash = 2 ** 32 * (low & 0x1fffff) + (high >>> 0);
  return regionClientMin + (hash % (2 ** 53 - regionClientMin));
}

function isRegionClient(client: number): boolean {
  return client >= regionClientMin;
}

function decideSplice(state: TextState, operation: Operation, { dot }: DecisionStamp): Decision<TextChange> {
  const splice = readSplice(operation, dot.actor);
  if ('code' in splice) return splice;
  const shown = shownDocument(state);
  const bytes = spliced(shown?.content ?? emptyContent, splice);
  if (bytes === 'beyond') return outOfRange('/index', 'The splice reaches beyond the end of the text.');
  if (bytes === 'within')
    return invalidValue('/index', 'The splice falls into a character of two code units.');
  return changeOf(bytes, shown) ?? invalidValue('/insert', `An update is at most ${updateBytesMax} bytes.`);
}

function readSplice(operation: Operation, actor: Actor): Splice | Rejection {
  const wrong = wrongArguments(operation, ['index', 'delete', 'insert']);
  if (wrong) return wrong;
  const index = readInteger(operation.index);
  const remove = readInteger(operation.delete);
  const { insert } = operation;
  if (typeof index !== 'number' || index < 0) return invalidValue('/index', 'It is an integer from 0.');
  if (typeof remove !== 'number' || remove < 0) return invalidValue('/delete', 'It is an integer from 0.');
  if (typeof insert !== 'string') return invalidValue('/insert', 'It is a string.');
  if (!isWellFormed(insert)) return invalidValue('/insert', 'It holds U+0000 or half a character.');
  return { client: regionClientOf(actor), index, remove, insert };
}

function decideUpdate(state: TextState, operation: Operation): Decision<TextChange> {
  const wrong = wrongArguments(operation, ['update']);
  if (wrong) return wrong;
  const base64 = typeof operation.update === 'string' ? operation.update : undefined;
  const bytes = base64 === undefined ? undefined : decodeBase64(base64);
  const update = bytes && readTextUpdate(bytes);
  if (base64 === undefined || update === undefined) {
    const what = `a yjs update (version 1) of plain text in getText('${textRoot}'), at most ${updateBytesMax} bytes`;
    return invalidValue('/update', `It is ${what}, as base64.`);
  }
  const reasons = new Set<Meeting>();
  for (const document of candidates(state)) {
    const meeting = meetingWith(document, update);
    if (meeting === 'fits') return { kind: 'accepted', change: { ...withEpoch(update, document), base64 } };
    reasons.add(meeting);
  }
  if (reasons.has('forked')) {
    return invalidValue('/update', 'It has other characters under ids that are known already.');
  }
  if (reasons.has('foreign')) return invalidValue('/update', 'It types in the name of a region.');
  if (reasons.has('misplaced')) {
    return invalidValue('/update', 'It has characters between others that were never neighbours.');
  }
  return {
    kind: 'rejected',
    code: 'precondition_failed',
    detail: 'The update builds on edits that this region has not.',
    path: '/update',
  };
}

function meetingWith(document: TextDocument | undefined, update: TextUpdate): Meeting {
  const meeting = meet(document?.content ?? emptyContent, update, isRegionClient);
  // A forked document is folded in the log's order, whatever its items say of their places.
  return meeting === 'misplaced' && document?.forked === true ? 'fits' : meeting;
}

/** The shown document first; a client may still be editing one that is no longer shown. */
function candidates(state: TextState): readonly (TextDocument | undefined)[] {
  const shown = shownDocument(state);
  return [shown, ...state.filter((document) => document !== shown)];
}

function changeOf(bytes: Uint8Array, document: TextDocument | undefined): Decision<TextChange> | undefined {
  const update = readTextUpdate(bytes);
  return update && { kind: 'accepted', change: withEpoch(update, document) };
}

function withEpoch(update: TextChange['update'], document: TextDocument | undefined): TextChange {
  return document === undefined ? { update } : { update, epoch: document.epoch };
}

function writtenChange({ update, epoch, base64 = encodeBase64(update.bytes) }: TextChange): JsonObject {
  // In canonical order: see `canonicalText`.
  return epoch === undefined ? { update: base64 } : { epoch: [epoch.actor, epoch.seq], update: base64 };
}

function readChange(json: Json): TextChange | undefined {
  const hasEpoch = hasExactly(json, ['update', 'epoch']);
  if (!hasEpoch && !hasExactly(json, ['update'])) return undefined;
  const { update: base64 } = json;
  const bytes = typeof base64 === 'string' ? decodeBase64(base64) : undefined;
  const update = bytes && readTextUpdate(bytes);
  if (typeof base64 !== 'string' || update === undefined) return undefined;
  if (!hasEpoch) return { update, base64 };
  const epoch = readEpoch(json.epoch);
  return epoch && { update, epoch, base64 };
}

function readEpoch(json: Json | undefined): Dot | undefined {
  if (!Array.isArray(json) || json.length !== 2) return undefined;
  const [actor, seq] = json as readonly Json[];
  if (typeof actor !== 'string' || actor === '') return undefined;
  return Number.isSafeInteger(seq) && Number(seq) > 0 ? { actor, seq: Number(seq) } : undefined;
}
