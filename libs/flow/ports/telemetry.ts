/** What the stations report. Names are metric names without the `atoll_` prefix; io binds them to Prometheus. */
export interface Telemetry {
  count(name: CounterName, labels?: Readonly<Record<string, string>>, by?: number): void;
  gauge(name: GaugeName, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: HistogramName, value: number, labels?: Readonly<Record<string, string>>): void;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    details?: Readonly<Record<string, unknown>>,
  ): void;
}

export type CounterName =
  | 'commands_total'
  | 'requests_refused_total'
  | 'events_committed_total'
  | 'events_applied_total'
  | 'events_in_time_total'
  | 'acks_incomplete_total'
  | 'reads_refused_total'
  | 'duplicates_dropped_total'
  | 'records_refused_total'
  | 'early_buffered_total'
  | 'early_dropped_total'
  | 'gaps_fetched_total'
  | 'events_fetched_total'
  | 'events_parked_total'
  | 'events_pending_total'
  | 'forks_total'
  | 'conflicts_total'
  | 'aliases_total'
  | 'refolds_total'
  | 'fenced_total'
  | 'ownership_moves_total'
  | 'commit_unknown_total'
  | 'bisections_total'
  | 'events_published_total'
  | 'publish_failures_total'
  | 'forwarded_commands_total'
  | 'epochs_opened_total'
  | 'confirmation_rounds_total'
  | 'policy_mismatch_total'
  | 'policy_uncompared_total'
  | 'announcements_failed_total'
  | 'rights_asked_total'
  | 'rights_reclaimed_total';

export type GaugeName =
  | 'pending_events'
  | 'parked_events'
  | 'command_queue'
  | 'requests_in_flight'
  | 'request_bytes_in_flight'
  | 'commands_in_flight'
  | 'apply_queue_bytes'
  | 'early_buffer_bytes'
  | 'publish_backlog'
  | 'owned_shards'
  | 'cache_bytes'
  | 'isolated'
  | 'clock_out_of_bounds'
  | 'clock_ahead_millis'
  | 'link_round_trip_millis'
  | 'staleness_unknown_shards';

export type HistogramName =
  'lag_millis' | 'staleness_millis' | 'acks_millis' | 'batch_events' | 'commit_millis';
