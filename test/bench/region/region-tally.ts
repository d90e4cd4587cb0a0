import type { EventLog } from '#flow/ports/event-log.js';
import type { Telemetry } from '#flow/ports/telemetry.js';
import type { Transport } from '#flow/ports/transport.js';
import type { Traffic } from '../cost-card.js';
import type { RegionWatch } from './open-region.js';

/** What a region has done since it was opened, by what its stations and adapters say. */
export interface RegionTally {
  readonly committed: number;
  readonly published: number;
  /** Events of other regions that are stored here. */
  readonly applied: number;
  readonly batches: number;
  /** Of all batches together. */
  readonly commitMillis: number;
  readonly kafkaBytes: number;
  readonly kafkaRequests: number;
  readonly kafkaRecords: number;
  readonly roundTrips: number;
}

export interface CountedRegion {
  readonly watch: RegionWatch;
  now(): RegionTally;
  /** Resolves when so many times as many events are acknowledged by clusters as were committed. */
  whenPublished(clusters?: number): Promise<void>;
  /** Resolves when so many foreign events are stored here, counted since the start. */
  whenApplied(total: number): Promise<void>;
}

interface Counts {
  committed: number;
  published: number;
  applied: number;
  batches: number;
  commitMillis: number;
  kafkaBytes: number;
  kafkaRequests: number;
  kafkaRecords: number;
  roundTrips: number;
}

/** Counts what a region does, at the edges of its process: adds a few additions per batch, nothing per event. */
export function countRegion(): CountedRegion {
  const counts: Counts = {
    committed: 0,
    published: 0,
    applied: 0,
    batches: 0,
    commitMillis: 0,
    kafkaBytes: 0,
    kafkaRequests: 0,
    kafkaRecords: 0,
    roundTrips: 0,
  };
  let checkPublished: () => void = () => undefined;
  let waiting: { readonly total: number; readonly resolve: () => void }[] = [];
  const applied = (by: number): void => {
    counts.applied += by;
    for (const { total, resolve } of waiting) if (counts.applied >= total) resolve();
    waiting = waiting.filter(({ total }) => counts.applied < total);
  };
  return {
    watch: {
      telemetry: (inner) => countingTelemetry(inner, counts, { applied, published: () => checkPublished() }),
      transport: (inner) => countingTransport(inner, counts),
      log: (inner) => countingLog(inner, counts),
    },
    now: () => ({ ...counts }),
    whenPublished: (clusters = 1) =>
      new Promise((resolve) => {
        checkPublished = () => {
          if (counts.published >= counts.committed * clusters) resolve();
        };
        checkPublished();
      }),
    whenApplied: (total) =>
      new Promise((resolve) => {
        if (counts.applied >= total) resolve();
        else waiting.push({ total, resolve });
      }),
  };
}

interface Told {
  applied(by: number): void;
  published(): void;
}

function countingTelemetry(inner: Telemetry, counts: Counts, told: Told): Telemetry {
  return {
    count(name, labels, by = 1) {
      if (name === 'events_committed_total') counts.committed += by;
      if (name === 'events_applied_total') told.applied(by);
      if (name === 'events_published_total') {
        counts.published += by;
        told.published();
      }
      inner.count(name, labels, by);
    },
    gauge: (name, value, labels) => inner.gauge(name, value, labels),
    observe(name, value, labels) {
      if (name === 'commit_millis') {
        counts.batches += 1;
        counts.commitMillis += value;
      }
      inner.observe(name, value, labels);
    },
    log: (level, message, details) => inner.log(level, message, details),
  };
}

function countingTransport(inner: Transport, counts: Counts): Transport {
  return {
    publish(cluster, slot, records) {
      counts.kafkaRequests += 1;
      counts.kafkaRecords += records.length;
      for (const { key, value, mac } of records)
        counts.kafkaBytes += key.length + value.byteLength + mac.byteLength;
      return inner.publish(cluster, slot, records);
    },
    subscribe: (positions, deliver) => inner.subscribe(positions, deliver),
    announce: (key, value, mac) => inner.announce(key, value, mac),
    isConnected: () => inner.isConnected(),
    isBehind: (origin, shard) => inner.isBehind(origin, shard),
  };
}

/** What left the process between two looks. */
export function trafficBetween(before: RegionTally, after: RegionTally): Traffic {
  return {
    kafkaBytes: after.kafkaBytes - before.kafkaBytes,
    kafkaRequests: after.kafkaRequests - before.kafkaRequests,
    kafkaRecords: after.kafkaRecords - before.kafkaRecords,
    roundTrips: after.roundTrips - before.roundTrips,
  };
}

/** Every call to the database counts as a round trip. What is read of it without a call stays as fast as it was. */
function countingLog(inner: EventLog, counts: Counts): EventLog {
  const counted = Object.create(inner) as Record<string, unknown>;
  const methods = { ...Object.getOwnPropertyDescriptors(Object.getPrototypeOf(inner)) };
  for (const [name, { value }] of Object.entries(methods)) {
    if (typeof value !== 'function' || name === 'constructor') continue;
    counted[name] = (...args: unknown[]): unknown => {
      counts.roundTrips += 1;
      return Reflect.apply(value, inner, args);
    };
  }
  return counted as unknown as EventLog;
}
