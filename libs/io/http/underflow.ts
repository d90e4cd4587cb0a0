import { closingQuote } from '#core/event/text-limits.js';
import { parseJson } from '#core/parse-json.js';

interface Level {
  readonly isArray: boolean;
  /** Of the item, in an array. */
  index: number;
  /** As it is written, in an object. */
  key: string;
}

const number = /-?\d[\d.eE+-]*/y;

/**
 * Numbers that are written as something and read as 0, by the keys and indices that lead to them. They are nowhere but in the
 * text: what has been parsed has a 0 like any other there.
 *
 * @param text that `parseJson` takes
 */
export function* underflows(text: string): Generator<readonly (string | number)[]> {
  const levels: Level[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const level = levels.at(-1);
    if (character === '"') {
      const end = closingQuote(text, at);
      // In front of a number there is no other string than its key.
      if (level) level.key = text.slice(at, end + 1);
      at = end;
    } else if (character === '{' || character === '[') {
      levels.push({ isArray: character === '[', index: 0, key: '' });
    } else if (character === '}' || character === ']') {
      levels.pop();
    } else if (character === ',') {
      if (level) level.index += 1;
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      number.lastIndex = at;
      const [written = character] = number.exec(text) ?? [];
      if (isUnderflow(written)) yield levels.map(stepOf);
      at += written.length - 1;
    }
  }
}

function isUnderflow(written: string): boolean {
  return /^-?[0.]*[1-9]/.test(written) && Number(written) === 0;
}

function stepOf({ isArray, index, key }: Level): string | number {
  return isArray ? index : (parseJson(key) as string);
}
