/** A `region.uuidv7`: where and when a command was born. */
export interface Birth {
  readonly region: string;
  readonly bornMillis: number;
}

/** Characters of a mutation id, of either form. */
export const mutationIdLengthMax = 200;

/**
 * Region and time of birth of a mutation id; `undefined` for a bare idempotency key, which has neither and is best
 * effort outside the region that first took it (PROTOCOL §5).
 */
export function birthOf(mutationId: string): Birth | undefined {
  const at = mutationId.length - uuidLength;
  if (at < 2 || at > regionLengthMax + 1 || mutationId.charCodeAt(at - 1) !== dot) return undefined;
  if (!isLower(mutationId.charCodeAt(0))) return undefined;
  for (let index = 1; index < at - 1; index += 1) {
    const unit = mutationId.charCodeAt(index);
    if (!isLower(unit) && unit !== hyphen) return undefined;
  }
  const bornMillis = uuidV7Millis(mutationId, at);
  return bornMillis === undefined ? undefined : { region: mutationId.slice(0, at - 1), bornMillis };
}

/**
 * The latest birth among ids that name one region, of which the last in order is given: `-Infinity` of none; `Infinity` where that
 * is a bare key which only begins like them, and nothing can be told of those below it.
 */
export function latestBirthMillis(lastId: string | undefined): number {
  return lastId === undefined ? -Infinity : (birthOf(lastId)?.bornMillis ?? Infinity);
}

/** Read unit by unit: it is asked of every command and event, and a regular expression leaves its parts behind. */
function uuidV7Millis(text: string, from: number): number | undefined {
  let millis = 0;
  for (let index = 0; index < uuidLength; index += 1) {
    const unit = text.charCodeAt(from + index);
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (unit !== hyphen) return undefined;
      continue;
    }
    const digit = hexDigit(unit);
    if (digit < 0) return undefined;
    if (index < 13) millis = millis * 16 + digit;
    else if (index === 14 && digit !== 7) return undefined;
    else if (index === 19 && digit >> 2 !== variant) return undefined;
  }
  return millis;
}

const uuidLength = 36;
const regionLengthMax = 32;
/** The two highest bits of the digit that names the variant: 8, 9, a or b. */
const variant = 0b10;
const hyphen = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const lowerA = 0x61;
const lowerZ = 0x7a;

/** Of a region's name: a lower-case letter or a digit. */
function isLower(unit: number): boolean {
  return (unit >= lowerA && unit <= lowerZ) || (unit >= zero && unit < zero + 10);
}

function hexDigit(unit: number): number {
  if (unit >= zero && unit < zero + 10) return unit - zero;
  return unit >= lowerA && unit < lowerA + 6 ? unit - lowerA + 10 : -1;
}
