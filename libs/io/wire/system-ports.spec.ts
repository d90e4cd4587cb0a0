import { describe, expect, it } from 'vitest';
import { nodeHashing } from './hashing.js';
import { systemClock } from './system-clock.js';
import { systemRandom } from './system-random.js';

describe('hashing', () => {
  it('gives SHA-256 as hex', () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(nodeHashing.sha256Hex(new Uint8Array())).toBe(empty);
  });

  it('reads back every text it wrote, a byte order mark and U+0000 too', () => {
    for (const text of ['', 'é漢🜁', '\uFEFFmark', 'a\u0000b']) {
      expect(nodeHashing.fromUtf8(nodeHashing.utf8(text))).toBe(text);
    }
  });

  it('does not guess at bytes that are not UTF-8', () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      expect(nodeHashing.fromUtf8(Uint8Array.from(bytes))).toBeUndefined();
    }
  });
});

describe('base64url', () => {
  it('reads back all bytes it wrote', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 0xff);
      expect(nodeHashing.fromBase64Url(nodeHashing.base64Url(bytes))).toEqual(bytes);
    }
  });

  it('refuses padding, the other alphabet, blanks and stray bits', () => {
    for (const text of ['AA==', '+/+/', 'AA AA', 'AB', 'A', 'AAA\n', 'é']) {
      expect(nodeHashing.fromBase64Url(text)).toBeUndefined();
    }
  });
});

describe('the system clock', () => {
  it('runs an action once, unless it is cancelled first', async () => {
    const ran: string[] = [];
    const cancel = systemClock.after(1, () => ran.push('cancelled'));
    cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(2, () => {
        ran.push('kept');
        resolve();
      });
    });
    expect(ran).toEqual(['kept']);
  });
});

describe('system randomness', () => {
  it('makes mutation ids that carry the region and the time of birth', () => {
    const id = systemRandom.mutationId('eu', 1_700_000_000_000.7);
    expect(id).toMatch(/^eu\.[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseInt(id.slice(3).replaceAll('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000);
  });

  it('never makes the same mutation id twice', () => {
    const ids = new Set(
      Array.from({ length: 10_000 }, () => systemRandom.mutationId('eu', 1_700_000_000_000)),
    );
    expect(ids.size).toBe(10_000);
  });

  it('stays in [0, 1)', () => {
    for (let i = 0; i < 1000; i += 1) {
      const fraction = systemRandom.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});
