import { describe, expect, it } from 'vitest';
import { nothingStored, receive } from './receive.js';

const event = (seq: number, hash = `h${seq}`, prev = seq === 1 ? '' : `h${seq - 1}`) => ({
  dot: { actor: 'us~1', seq },
  hash,
  prev,
});

describe('receiving a record', () => {
  it('takes the first event and each next one', () => {
    expect(receive(nothingStored, event(1))).toEqual({ kind: 'next' });
    expect(receive({ stored: 4, hash: 'h4' }, event(5))).toEqual({ kind: 'next' });
  });

  it('drops what is stored', () => {
    expect(receive({ stored: 4, hash: 'h4' }, event(4))).toEqual({ kind: 'duplicate' });
    expect(receive({ stored: 4, hash: 'h4' }, event(2))).toEqual({ kind: 'duplicate' });
  });

  it('never skips a gap: it names what is missing', () => {
    expect(receive({ stored: 4, hash: 'h4' }, event(8))).toEqual({
      kind: 'early',
      missing: { from: 5, to: 7 },
    });
  });

  it('sees a fork in another event under the head, and in a next one with another past', () => {
    expect(receive({ stored: 4, hash: 'h4' }, event(4, 'other'))).toMatchObject({ kind: 'fork' });
    expect(receive({ stored: 4, hash: 'h4' }, event(5, 'h5', 'other'))).toMatchObject({ kind: 'fork' });
  });
});
