import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeVersion, encodeVersion, formatETag, parseETag } from './etag.js';

const actor = fc.stringMatching(/^[a-z]{1,8}~[0-9a-z]{1,20}$/);
const vector = fc
  .array(fc.tuple(actor, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })), { maxLength: 8 })
  .map((pairs) => new Map(pairs));

describe('an entity tag', () => {
  it('comes back as the vector it was made from', () => {
    fc.assert(
      fc.property(vector, (seen) => {
        expect(parseETag(formatETag(seen))).toEqual(seen);
      }),
    );
  });

  it('is the same for equal vectors, whatever the order of their actors', () => {
    fc.assert(
      fc.property(vector, (seen) => {
        expect(encodeVersion(new Map([...seen].reverse()))).toBe(encodeVersion(seen));
      }),
    );
  });

  it('fits a header value', () => {
    expect(formatETag(new Map([['eu~1', 3]]))).toMatch(/^"[A-Za-z0-9_-]+"$/);
    expect(formatETag(new Map())).toBe('"-"');
  });

  it.each(['', '*', 'W/"LQ"', '"a", "b"', 'not base64!', 'AAAA', '"', 'ZXV-MSAw', 'x'.repeat(10_000)])(
    'does not take %j for one',
    (text) => {
      expect(parseETag(text)).toBeUndefined();
    },
  );

  it('reads only the one spelling of a version', () => {
    const spelledOtherwise = Buffer.from('us~1 2\neu~1 1').toString('base64url');
    expect(decodeVersion(spelledOtherwise)).toBeUndefined();
  });
});
