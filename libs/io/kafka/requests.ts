import type { OutgoingRecord } from '#flow/ports/transport.js';
import { limits } from './settings.js';

/** Key, MAC, offsets and lengths of one record, generously. */
const envelopeBytes = 512;

/**
 * Cuts records into requests that a broker takes: per request at most one batch per partition, each within the batch
 * limit (a larger record has a batch of its own), together within the request limit. Order per partition is kept when
 * the requests are sent one after the other.
 */
export function requestsOf(records: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const requests: OutgoingRecord[][] = [];
  let current: OutgoingRecord[] = [];
  let total = 0;
  let perPartition = new Map<number, number>();
  for (const record of records) {
    const bytes = record.value.byteLength + envelopeBytes;
    const batch = perPartition.get(record.shard) ?? 0;
    const full =
      total + bytes > limits.requestBytesMax || (batch > 0 && batch + bytes > limits.batchBytesMax);
    if (full && current.length > 0) {
      requests.push(current);
      current = [];
      total = 0;
      perPartition = new Map();
    }
    current.push(record);
    total += bytes;
    perPartition.set(record.shard, (perPartition.get(record.shard) ?? 0) + bytes);
  }
  if (current.length > 0) requests.push(current);
  return requests;
}
