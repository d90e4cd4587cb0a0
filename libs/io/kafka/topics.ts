import { topicOf } from '#flow/ports/transport.js';
import type { KafkaDriver } from './driver.js';
import { limits, type KafkaSettings } from './settings.js';

/** One topic as it must be. */
export interface TopicShape {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Topic-level configuration, given at creation only. */
  readonly config: Readonly<Record<string, string>>;
}

export const controlTopic = 'atoll.control';

const eventTopicPrefix = topicOf('');

/** The region whose events a topic holds; `undefined` when it is no event topic. */
export function originOf(topic: string): string | undefined {
  return topic.startsWith(eventTopicPrefix) ? topic.slice(eventTopicPrefix.length) : undefined;
}

export function eventTopicShape(settings: KafkaSettings, origin: string): TopicShape {
  return {
    name: topicOf(origin),
    partitions: settings.shards,
    replicationFactor: settings.replicationFactor ?? 1,
    config: { 'max.message.bytes': String(limits.topicMessageBytesMax), 'cleanup.policy': 'delete' },
  };
}

export function controlTopicShape(settings: KafkaSettings): TopicShape {
  return {
    name: controlTopic,
    partitions: 1,
    replicationFactor: settings.replicationFactor ?? 1,
    config: { 'max.message.bytes': String(limits.topicMessageBytesMax), 'cleanup.policy': 'delete' },
  };
}

/** A topic exists with another number of partitions than there are shards: nothing may be published to it. */
export class PartitionMismatch extends Error {
  override readonly name = 'PartitionMismatch';

  constructor(
    readonly topic: string,
    readonly expected: number,
    readonly found: number,
  ) {
    super(
      `topic ${topic} has ${found} partitions, but there are ${expected} shards: the number of shards is fixed at creation`,
    );
  }
}

/** @throws PartitionMismatch */
export function checkPartitions(shape: TopicShape, found: number): void {
  if (found !== shape.partitions) throw new PartitionMismatch(shape.name, shape.partitions, found);
}

/**
 * Makes sure that topics are there and that every partition is served: a broker says that it leads a new partition a
 * moment before it does.
 *
 * @throws PartitionMismatch, or an error of the client
 */
export async function ensureTopics(
  driver: KafkaDriver,
  brokers: readonly string[],
  shapes: readonly TopicShape[],
): Promise<void> {
  if (!(await driver.createTopics(brokers, shapes))) return;
  const names = shapes.map(({ name }) => name);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await driver.ranges(brokers, names);
      return;
    } catch (error) {
      if (attempt === servedAttemptsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, servedRetryMillis));
    }
  }
}

const servedAttemptsMax = 50;
const servedRetryMillis = 50;
