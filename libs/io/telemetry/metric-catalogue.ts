import type { CounterName, GaugeName, HistogramName } from '#flow/ports/telemetry.js';

export interface MetricEntry {
  readonly help: string;
  /** Labels a station may give; any other is left out, so that nobody can flood a server with series. */
  readonly labels: readonly string[];
}

export const counters: Readonly<Record<CounterName, MetricEntry>> = {
  commands_total: {
    help: 'Commands, by what became of them: `executed`, `replayed`, or `failed` with the code of the error',
    labels: ['type', 'outcome', 'code'],
  },
  requests_refused_total: {
    help: 'Requests and commands answered `overloaded`, by what there was too much of: requests, bytes of bodies, or commands',
    labels: ['reason'],
  },
  events_committed_total: { help: 'Events born here and committed', labels: [] },
  events_applied_total: { help: 'Events of other regions stored here', labels: ['from'] },
  events_in_time_total: {
    help: "Of those, stored within 100 ms and the link's delay of their stamp, by the two wall clocks",
    labels: ['from'],
  },
  acks_incomplete_total: { help: 'Writes whose acks did not come within their wait', labels: [] },
  reads_refused_total: {
    help: 'Reads above session that could not be given at their level in time, by the code they were refused with',
    labels: ['level', 'code'],
  },
  duplicates_dropped_total: { help: 'Received events that were stored already', labels: [] },
  records_refused_total: {
    help: 'Records that took no dot: malformed, forged or foreign',
    labels: ['reason'],
  },
  early_buffered_total: { help: 'Received events held until their turn', labels: [] },
  early_dropped_total: {
    help: 'Early events dropped because the buffer was full; they are fetched again',
    labels: [],
  },
  gaps_fetched_total: { help: 'Gaps that other regions were asked for', labels: [] },
  events_fetched_total: { help: 'Events that came by fetching instead of Kafka', labels: ['from'] },
  events_parked_total: {
    help: 'Events stored that cannot be folded until somebody acts',
    labels: ['type', 'reason'],
  },
  events_pending_total: { help: 'Events stored that waited for another event', labels: ['type'] },
  forks_total: { help: 'Streams with two events under one dot: stopped', labels: ['actor'] },
  conflicts_total: { help: 'Conflicts found', labels: ['type', 'policy'] },
  aliases_total: { help: 'Copies of a retried command that another copy survived', labels: [] },
  refolds_total: { help: 'Entities folded again from their log', labels: ['type'] },
  rights_asked_total: {
    help: 'Requests to other regions for rights to a bounded counter, by what came of them',
    labels: ['from', 'answer'],
  },
  rights_reclaimed_total: {
    help: 'Counters of an entity whose rights were taken over from a region that does not answer',
    labels: ['from'],
  },
  fenced_total: { help: 'Batches refused because the shard had another owner', labels: [] },
  ownership_moves_total: { help: 'Shards taken over by this process', labels: [] },
  commit_unknown_total: { help: 'Batches whose commit had to be found out', labels: [] },
  bisections_total: { help: 'Batches split to find a command that the database refused', labels: [] },
  events_published_total: { help: 'Events acknowledged by a cluster', labels: ['to'] },
  publish_failures_total: { help: 'Requests to a cluster that failed and were made again', labels: ['to'] },
  forwarded_commands_total: { help: 'Commands that a sibling process handed to this one', labels: [] },
  epochs_opened_total: { help: 'Epochs of strong shards that this region opened as their home', labels: [] },
  confirmation_rounds_total: { help: 'Rounds in which a home asked whether it still is', labels: [] },
  policy_mismatch_total: {
    help: 'Types refused on a link: same version, other policies',
    labels: ['type', 'region'],
  },
  policy_uncompared_total: {
    help: 'Regions whose events were taken although nobody could tell their policies: none has heard them',
    labels: ['region'],
  },
  announcements_failed_total: {
    help: 'Heartbeats that could not be put on the control topic; replication does not need them',
    labels: [],
  },
};

export const gauges: Readonly<Record<GaugeName, MetricEntry>> = {
  pending_events: {
    help: 'Events that wait for another event now, in the shards of this process',
    labels: [],
  },
  parked_events: {
    help: 'Events that wait for somebody to act now, in the shards of this process',
    labels: [],
  },
  requests_in_flight: { help: 'Requests of clients under way, over HTTP and gRPC', labels: [] },
  request_bytes_in_flight: { help: 'Bytes of their bodies, as far as they have come', labels: [] },
  commands_in_flight: { help: 'Commands under way, whatever they wait for', labels: [] },
  command_queue: { help: 'Commands that wait to be decided', labels: [] },
  apply_queue_bytes: { help: 'Bytes of received events that wait to be stored', labels: [] },
  early_buffer_bytes: { help: 'Bytes of events held until their turn', labels: [] },
  publish_backlog: { help: 'Events not acknowledged by a cluster yet', labels: ['to'] },
  owned_shards: { help: 'Shards this process owns', labels: [] },
  cache_bytes: { help: 'Bytes of entities held in memory', labels: [] },
  isolated: { help: "1 while nothing can be read from the region's own Kafka", labels: [] },
  clock_out_of_bounds: {
    help: "1 while this process takes no writes because its wall clock is too far from the others'",
    labels: [],
  },
  clock_ahead_millis: {
    help: "How far this process's wall clock is ahead of the database's (postgres) or of a region's, about",
    labels: ['against'],
  },
  link_round_trip_millis: {
    help: 'Least of the last round trips to a region, by echoed heartbeats',
    labels: ['to'],
  },
  staleness_unknown_shards: {
    help: 'Shards here of which nobody can tell how old what comes from a region is',
    labels: ['from'],
  },
};

export interface HistogramEntry extends MetricEntry {
  readonly buckets: readonly number[];
}

/**
 * Steps of about a fifth: a quantile read from them is at most that far off. Fine from 1 ms (two regions on one machine)
 * to 1 s (across the world under load), coarse up to the hour of an outage.
 */
const lagBuckets = [
  1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 48, 58, 70, 85, 100, 120, 150, 180, 220, 270, 330, 400,
  480, 580, 700, 850, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
];

export const histograms: Readonly<Record<HistogramName, HistogramEntry>> = {
  lag_millis: {
    help: 'From the stamp of an event at its origin to its commit here, by the two wall clocks',
    labels: ['from', 'to'],
    buckets: lagBuckets,
  },
  staleness_millis: {
    help: "How old a read can be, of the stalest shard, by what comes from a region; sampled at each heartbeat, by this process's monotonic clock",
    labels: ['from'],
    buckets: lagBuckets,
  },
  acks_millis: {
    help: 'From the commit of a write to enough acks of other regions',
    labels: [],
    buckets: lagBuckets,
  },
  batch_events: {
    help: 'Events in one transaction',
    labels: [],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  },
  commit_millis: {
    help: 'Duration of one transaction',
    labels: [],
    buckets: [0.5, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 500, 1_000, 5_000],
  },
};
