import { randomBytes } from 'node:crypto';
import type { OutgoingRecord } from '#flow/ports/transport.js';
import { ensureTopics } from '#io/kafka/ensure-topics.js';
import { kafkajsDriver } from '#io/kafka/kafkajs-driver.js';
import { platformaticDriver } from '#io/kafka/platformatic-driver.js';
import type { KafkaDriverName } from '#io/kafka/settings.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts } from '../side/side-costs.js';

export interface ProduceSettings {
  readonly brokers: readonly string[];
  /** The one that the region uses. */
  readonly driver: KafkaDriverName;
  readonly topic: string;
  readonly partitions: number;
}

export interface ProduceOrder {
  readonly requests: number;
  /** Of a request, one for each partition that it touches, and bytes of each. */
  readonly records: number;
  readonly recordBytes: number;
}

export interface ProduceAnswer {
  readonly cpuMicros: number;
}

const macBytes = 32;
const drivers = { kafkajs: kafkajsDriver, platformatic: platformaticDriver } as const;

/** What one more produce of a batch costs: the request alone, over one connection, one after the other. */
serveSide<ProduceSettings, ProduceOrder, ProduceAnswer>(
  async ({ brokers, driver: name, topic, partitions }) => {
    const region = 'produce';
    const driver = drivers[name]({
      driver: name,
      region,
      brokers: { [region]: brokers },
      shards: partitions,
      clientId: region,
    });
    await ensureTopics(driver, { brokers }, [{ name: topic, partitions, replicationFactor: 1, config: {} }]);
    const sender = driver.sender({ brokers });
    return {
      async carryOut({ requests, records, recordBytes }) {
        const value = randomBytes(Math.max(1, recordBytes - macBytes));
        const mac = randomBytes(macBytes);
        const request = Array.from({ length: records }, (_, at): OutgoingRecord => {
          const shard = at % partitions;
          return { shard, key: `${shard}`, value, mac };
        });
        const spent = countCosts();
        for (let sent = 0; sent < requests; sent += 1) await sender.send(topic, request);
        return { cpuMicros: spent().cpuMicros };
      },
      close: () => sender.close(),
    };
  },
);
