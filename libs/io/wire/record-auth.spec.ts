import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRecordAuth } from './record-auth.js';

const keys = new Map([
  ['eu', Buffer.alloc(32, 1)],
  ['us', Buffer.alloc(32, 2)],
]);
const bytes = Buffer.from([0, 255, 1, 254]);

describe('record auth', () => {
  const eu = createRecordAuth({ region: 'eu', keys });
  const us = createRecordAuth({ region: 'us', keys });

  it('accepts what the named member signed', () => {
    expect(us.verify('eu', bytes, eu.sign(bytes))).toBe(true);
  });

  it('is HMAC-SHA256 over exactly the bytes', () => {
    expect(Buffer.from(eu.sign(bytes))).toEqual(createHmac('sha256', keys.get('eu')!).update(bytes).digest());
  });

  it('refuses other bytes, another member, a cut mac and an unknown member', () => {
    const mac = eu.sign(bytes);
    expect(us.verify('eu', Buffer.from([0, 255, 1, 253]), mac)).toBe(false);
    expect(us.verify('us', bytes, mac)).toBe(false);
    expect(us.verify('eu', bytes, mac.subarray(0, 31))).toBe(false);
    expect(us.verify('eu', bytes, new Uint8Array())).toBe(false);
    expect(us.verify('ap', bytes, mac)).toBe(false);
  });

  it('refuses every single flipped bit of a mac', () => {
    const mac = eu.sign(bytes);
    for (let bit = 0; bit < mac.byteLength * 8; bit += 1) {
      const flipped = Uint8Array.from(mac);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(us.verify('eu', bytes, flipped)).toBe(false);
    }
  });

  it('says which key is missing or too short', () => {
    expect(() => createRecordAuth({ region: 'ap', keys })).toThrow('no record key for ap');
    expect(() => createRecordAuth({ region: 'eu', keys: new Map([['eu', Buffer.alloc(15)]]) })).toThrow(
      'the record key of eu is shorter than 16 bytes',
    );
  });
});
