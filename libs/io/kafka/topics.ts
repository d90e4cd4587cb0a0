import { topicOf } from '#flow/ports/transport.js';
import { limits, type KafkaSettings } from './settings.js';

/** One topic as it must be. */
export interface TopicShape {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Topic-level configuration, given at creation only. */
  readonly config: Readonly<Record<string, string>>;
}

/** What Kafka takes for "as your configuration says". */
const clustersDefault = -1;

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
    replicationFactor: settings.replicationFactor ?? clustersDefault,
    config: { 'max.message.bytes': String(limits.topicMessageBytesMax), 'cleanup.policy': 'delete' },
  };
}

export function controlTopicShape(settings: KafkaSettings): TopicShape {
  return {
    name: controlTopic,
    partitions: 1,
    replicationFactor: settings.replicationFactor ?? clustersDefault,
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
