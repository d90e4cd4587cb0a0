import { describe, expect, it } from 'vitest';
import { admit, type InFlight } from './admit.js';

const limits = { requestsMax: 2, requestBytesMax: 100 };
const idle: InFlight = { requests: 0, bytes: 0, queueHasRoom: true };

describe('a request', () => {
  it('is let in while there is room', () => {
    for (const kind of ['read', 'write', 'operate'] as const)
      expect(admit(kind, 100, idle, limits)).toBeUndefined();
  });

  it('is not let in beside as many as there may be, but for those of operators', () => {
    const full = { ...idle, requests: 2 };
    expect(admit('read', 0, full, limits)).toBe('requests');
    expect(admit('write', 0, full, limits)).toBe('requests');
    expect(admit('operate', 0, full, limits)).toBeUndefined();
  });

  it('is not let in when its body does not fit beside the others, whoever sends it', () => {
    const held = { ...idle, bytes: 60 };
    for (const kind of ['read', 'write', 'operate'] as const) {
      expect(admit(kind, 40, held, limits)).toBeUndefined();
      expect(admit(kind, 41, held, limits)).toBe('bytes');
    }
  });

  it('is not let in to write what could not be queued; reads are', () => {
    const queued = { ...idle, queueHasRoom: false };
    expect(admit('write', 0, queued, limits)).toBe('commands');
    expect(admit('read', 0, queued, limits)).toBeUndefined();
  });
});
