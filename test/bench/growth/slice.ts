import { costCard, type CostCard } from '../cost-card.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import type { Metered } from '../servers.js';

/** What a region wrote, how fast, and what it cost. */
export interface Slice {
  readonly perSecond: number;
  readonly card: CostCard;
  readonly eventsPerBatch: number;
  /** As the clusters were sent it: requests and records of all, and what each of them carried. */
  readonly produced: Produced;
}

export interface Produced {
  readonly eventsPerRequest: number;
  readonly recordsPerRequest: number;
  readonly bytesPerRecord: number;
}

/** @param clusters to which each event was published */
export function sliceOf({ result, ...spent }: Metered<LoadedAnswer>, clusters: number): Slice {
  const { count: events, seconds, batches, traffic } = result;
  const { kafkaRequests, kafkaRecords, kafkaBytes } = traffic;
  return {
    perSecond: events / seconds,
    card: costCard({ events, ...result }, spent),
    eventsPerBatch: events / Math.max(1, batches),
    produced: {
      eventsPerRequest: (events * clusters) / Math.max(1, kafkaRequests),
      recordsPerRequest: kafkaRecords / Math.max(1, kafkaRequests),
      bytesPerRecord: kafkaBytes / Math.max(1, kafkaRecords),
    },
  };
}
