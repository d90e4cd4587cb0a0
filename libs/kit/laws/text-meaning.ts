import { compareDots, sameDot } from '#core/causality/dot.js';
import { compareTimes } from '#core/causality/hybrid-timestamp.js';
import type { Json } from '#core/json.js';
import type { TextChange } from '#core/merge/text-state.js';
import type { Act, Deed, FieldMeaning } from './entity-oracle.js';

/** The words `[a]` of a text, or of the bytes of an update that typed some, in order of the alphabet. */
export function wordsIn(text: string): readonly string[] {
  return (text.match(/\[[a-z]\]/g) ?? []).sort();
}

/**
 * What a text means where nothing was ever deleted from it but by deletes of the entity: the words of the effective
 * changes in one document, the latest created of those that have any. A document belongs to the command that created it,
 * be it through a copy that did not survive.
 */
export const meansWordsOf: FieldMeaning = (deeds, acts): Json => {
  const edits = (deeds as readonly Deed<TextChange>[])
    .filter(({ effective }) => effective)
    .map((edit) => ({ edit, document: documentOf(edit, acts) }));
  const [shown] = edits
    .map(({ document }) => document)
    .sort(
      (a, b) => compareTimes(b.survivor.time, a.survivor.time) || compareDots(b.survivor.dot, a.survivor.dot),
    );
  return edits
    .filter(({ document }) => document === shown)
    .flatMap(({ edit }) => wordsIn(latin1(edit.change.update.bytes)))
    .sort();
};

/** A change names the event that created its document, any copy of it; the one that names none created one. */
function documentOf({ act, change: { epoch } }: Deed<TextChange>, acts: readonly Act[]): Act {
  if (epoch === undefined) return act;
  const creator = acts.find(({ copies }) => copies.some(({ dot }) => sameDot(dot, epoch)));
  if (creator === undefined) throw new Error('an edit follows the creation of its document');
  return creator;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
