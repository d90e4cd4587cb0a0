import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packEvents, unpackEvents } from './event-pack.js';

/** Events begin with `{`. */
const events = fc.array(
  fc.uint8Array({ maxLength: 700 }).map((bytes) => Uint8Array.from([0x7b, ...bytes])),
  { minLength: 1, maxLength: 40 },
);

describe('events that share a record', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(events, (given) => {
        expect(unpackEvents(packEvents(given))).toEqual(given);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are the bare event when there is one', () => {
    const event = Uint8Array.from([0x7b, 0x7d]);
    expect(packEvents([event])).toBe(event);
  });

  it('are refused when the record was cut off anywhere but between two events', () => {
    const [first, second] = [Uint8Array.from([0x7b, 1, 2]), Uint8Array.from([0x7b, 3])];
    const pack = packEvents([first, second]);
    for (let length = 1; length < pack.length; length += 1) {
      const rest = unpackEvents(pack.subarray(0, length));
      expect(rest).toEqual(length === 1 + 4 + first.length ? [first] : undefined);
    }
  });

  it('are refused when a length says nothing, or more than there is', () => {
    expect(unpackEvents(Uint8Array.from([1]))).toBeUndefined();
    expect(unpackEvents(Uint8Array.from([1, 0, 0, 0, 0]))).toBeUndefined();
    expect(unpackEvents(Uint8Array.from([1, 0xff, 0xff, 0xff, 0xff, 0x7b]))).toBeUndefined();
  });
});
