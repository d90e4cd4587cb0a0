import { limitsDefault } from '#flow/limits.js';
import { limits as kafkaLimits } from '#io/kafka/settings.js';

/** What a region's process may hold for its clients and its peers at most, by the limits it is configured with. */
export interface MemoryBudget {
  readonly bytes: number;
  /** Each part in MiB, for the report. */
  readonly text: string;
}

export function memoryBudget({
  shards,
  regions,
}: {
  readonly shards: number;
  readonly regions: number;
}): MemoryBudget {
  const parts: Readonly<Record<string, number>> = {
    'bodies of requests': limitsDefault.requestBytesMax,
    'commands that wait': limitsDefault.commandQueueBytesMax,
    'cached entities': limitsDefault.cacheBytesMax,
    'events that wait to be folded': limitsDefault.heldEventsBytesMax,
    'events that wait to be applied': limitsDefault.applyQueueBytesMax,
    'events ahead of their turn': limitsDefault.earlyBufferBytesMax,
    'events to publish': limitsDefault.publishRingBytesMax * shards,
    'events for feeds': limitsDefault.feedRingBytesMax * shards * regions,
    'fetched records': kafkaLimits.bufferedBytesMax,
  };
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return {
    bytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    text: Object.entries(parts)
      .map(([what, bytes]) => `${what} ${mebibytes(bytes)}`)
      .join(', '),
  };
}
