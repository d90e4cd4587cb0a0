import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '#flow/ports/transport.js';
import { requestsOf } from './requests.js';
import { limits } from './settings.js';

const record = (shard: number, bytes: number): OutgoingRecord => {
  return { shard, key: 'k', value: new Uint8Array(bytes), mac: new Uint8Array(32) };
};
const sizes = (requests: readonly (readonly OutgoingRecord[])[]): number[] =>
  requests.map((one) => one.length);

describe('cutting records into requests', () => {
  it('keeps what fits in one', () => {
    expect(sizes(requestsOf(Array.from({ length: 500 }, (_, i) => record(i % 16, 300))))).toEqual([500]);
    expect(requestsOf([])).toEqual([]);
  });

  it('begins another where the batch of a partition would be too large', () => {
    const half = limits.batchBytesMax / 2;
    expect(sizes(requestsOf([record(0, half), record(0, half), record(0, 1)]))).toEqual([1, 2]);
    expect(sizes(requestsOf([record(0, half), record(1, half), record(2, half)]))).toEqual([3]);
  });

  it('gives a record that is larger than a batch a batch of its own', () => {
    const large = record(0, limits.recordBytesMax - 1000);
    expect(sizes(requestsOf([record(0, 1), large, record(0, 1)]))).toEqual([1, 1, 1]);
  });

  it('keeps a request within its limit', () => {
    const requests = requestsOf(Array.from({ length: 16 }, (_, shard) => record(shard, 900_000)));
    for (const request of requests) {
      const bytes = request.reduce((sum, { value }) => sum + value.byteLength, 0);
      expect(bytes).toBeLessThanOrEqual(limits.requestBytesMax);
    }
    expect(sizes(requests)).toEqual([4, 4, 4, 4]);
  });

  it('keeps all records in their order', () => {
    const records = Array.from({ length: 40 }, (_, i) => record(i % 3, (i * 77_777) % 1_500_000));
    expect(requestsOf(records).flat()).toEqual(records);
  });
});
