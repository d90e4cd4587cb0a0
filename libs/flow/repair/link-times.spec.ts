import { describe, expect, it } from 'vitest';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { LinkTimes } from './link-times.js';

describe('the length of a link', () => {
  it('is the least of the last round trips: what took longer was a busy process', () => {
    const links = new LinkTimes(new MemoryTelemetry());
    expect([links.isInTime('us', 100), links.isInTime('us', 101)]).toEqual([true, false]);
    for (const millis of [90, 80, 300]) links.measured('us', millis);
    expect([links.isInTime('us', 140), links.isInTime('us', 141)]).toEqual([true, false]);
    for (let sample = 0; sample < 16; sample += 1) links.measured('us', 200);
    expect(links.isInTime('us', 200)).toBe(true);
    expect(links.isInTime('eu', 200)).toBe(false);
  });
});
