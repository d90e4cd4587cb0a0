import { assert } from '#core/assert.js';
import { topicOf, type OutgoingRecord, type Subscription, type Transport } from '#flow/ports/transport.js';
import type { Cluster } from './cluster.js';
import { within } from './deadline.js';
import type { KafkaDriver, Sender } from './driver.js';
import { ensureTopics } from './ensure-topics.js';
import { kafkajsDriver } from './kafkajs-driver.js';
import { messageOf } from './message-of.js';
import { platformaticDriver } from './platformatic-driver.js';
import { PublishLane } from './publish-lane.js';
import { limits, type KafkaLog, type KafkaSettings } from './settings.js';
import { KafkaSubscription } from './subscription.js';
import { controlTopic, controlTopicShape, eventTopicShape, PartitionMismatch } from './topics.js';

const drivers = { kafkajs: kafkajsDriver, platformatic: platformaticDriver } as const;

/** The transport port over Kafka. Nothing connects before it is needed, and an absent cluster keeps nobody from starting. */
export class KafkaTransport implements Transport {
  readonly #settings: KafkaSettings;
  readonly #driver: KafkaDriver;
  readonly #log: KafkaLog;
  readonly #lanes = new Map<string, PublishLane>();
  readonly #prepared = new Set<string>();
  readonly #preparing = new Map<string, Promise<void>>();
  #subscription: KafkaSubscription | undefined;
  #ownClusterAnswers = false;

  constructor(settings: KafkaSettings) {
    assert(
      settings.brokers[settings.region] !== undefined,
      `the brokers of ${settings.region} are not configured`,
    );
    this.#settings = settings;
    this.#driver = drivers[settings.driver](settings);
    this.#log = settings.log ?? (() => undefined);
  }

  /**
   * Creates the topics of all regions in the own cluster, where they are missing. A cluster that does not answer in time
   * is no error: the same is done again before anything is published or read.
   *
   * @throws PartitionMismatch when a topic is there with another number of partitions than there are shards
   */
  async open(): Promise<void> {
    const { region, publishMillisMax } = this.#settings;
    try {
      await within(publishMillisMax ?? limits.publishMillisMax, 'looking at topics', this.#prepare(region));
      this.#ownClusterAnswers = true;
    } catch (error) {
      if (error instanceof PartitionMismatch) throw error;
      const message = `the own cluster does not answer: ${messageOf(error)}`;
      this.#log({ level: 'warn', message, cluster: region, cause: error });
    }
  }

  async publish(cluster: string, slot: number, records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    const own = cluster === this.#settings.region;
    try {
      await this.#lane(cluster, `${slot}`, topicOf(this.#settings.region)).publish(records);
      if (own) this.#ownClusterAnswers = true;
    } catch (error) {
      if (own) this.#ownClusterAnswers = false;
      this.#prepared.delete(cluster); // the topic may be gone, or the whole cluster a new one
      throw error;
    }
  }

  /** Puts a message for others to read on `atoll.control` of the own cluster. One at a time. @throws TransportUnavailable */
  async announce(key: string, value: Uint8Array, mac: Uint8Array): Promise<void> {
    await this.#lane(this.#settings.region, 'control', controlTopic).publish([{ shard: 0, key, value, mac }]);
  }

  async subscribe(
    positions: Parameters<Transport['subscribe']>[0],
    deliver: Parameters<Transport['subscribe']>[1],
  ): Promise<Subscription> {
    assert(this.#subscription === undefined, 'a process subscribes once');
    const { region, readsOwnTopic } = this.#settings;
    const origins = this.#regions().filter((origin) => readsOwnTopic === true || origin !== region);
    const subscription = new KafkaSubscription({
      driver: this.#driver,
      cluster: region,
      reached: this.#clusterOf(region),
      topics: origins.map((origin) => eventTopicShape(this.#settings, origin)),
      positions,
      deliver,
      log: this.#log,
    });
    this.#subscription = subscription;
    await subscription.start();
    return {
      rewind: () => subscription.rewind(),
      stop: async () => {
        await subscription.stop();
        if (this.#subscription === subscription) this.#subscription = undefined;
      },
    };
  }

  isConnected(): boolean {
    return this.#subscription?.isReading ?? this.#ownClusterAnswers;
  }

  isBehind(origin: string, shard: number): boolean {
    return this.#subscription?.isBehind(origin, shard) ?? false;
  }

  /** What was fetched and is not taken by `deliver` yet. */
  get bufferedBytes(): number {
    return this.#subscription?.bufferedBytes ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([this.#subscription?.stop(), ...[...this.#lanes.values()].map((lane) => lane.close())]);
    this.#lanes.clear();
  }

  #lane(cluster: string, slot: string, topic: string): PublishLane {
    const name = `${cluster}/${slot}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new PublishLane({
        cluster,
        topic,
        millisMax: this.#settings.publishMillisMax ?? limits.publishMillisMax,
        prepare: () => this.#prepare(cluster),
        openSender: (): Sender => this.#driver.sender(this.#clusterOf(cluster)),
      });
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Once per cluster, and again after anything went wrong there. */
  #prepare(cluster: string): Promise<void> {
    if (this.#prepared.has(cluster)) return Promise.resolve();
    const underWay = this.#preparing.get(cluster);
    if (underWay !== undefined) return underWay;
    const preparing = this.#createTopics(cluster).then(
      () => {
        this.#preparing.delete(cluster);
        this.#prepared.add(cluster);
      },
      (cause: unknown) => {
        this.#preparing.delete(cluster);
        if (cause instanceof PartitionMismatch)
          this.#log({ level: 'error', message: cause.message, cluster, cause });
        throw cause;
      },
    );
    this.#preparing.set(cluster, preparing);
    return preparing;
  }

  /** In the own cluster the topics of all regions, elsewhere the own one: a region may publish before its peer is up. */
  #createTopics(cluster: string): Promise<void> {
    const own = cluster === this.#settings.region;
    const origins = own ? this.#regions() : [this.#settings.region];
    const shapes = origins.map((origin) => eventTopicShape(this.#settings, origin));
    if (own) shapes.push(controlTopicShape(this.#settings));
    return ensureTopics(this.#driver, this.#clusterOf(cluster), shapes);
  }

  #regions(): readonly string[] {
    return Object.keys(this.#settings.brokers);
  }

  #clusterOf(region: string): Cluster {
    const brokers = this.#settings.brokers[region];
    assert(brokers !== undefined, `the brokers of ${region} are not configured`);
    return { brokers, ...this.#settings.security?.[region] };
  }
}
