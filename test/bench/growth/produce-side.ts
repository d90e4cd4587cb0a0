import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { newTopic } from '../peers/new-topic.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts } from '../side/side-costs.js';

export interface ProduceSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
}

export interface ProduceOrder {
  readonly batches: number;
  /** Records of a batch, one for each partition that it touches, and bytes of each. */
  readonly records: number;
  readonly recordBytes: number;
}

export interface ProduceAnswer {
  readonly cpuMicros: number;
}

/** What one more produce of a batch costs: the request alone, with the driver and settings that the region uses. */
serveSide<ProduceSettings, ProduceOrder, ProduceAnswer>(async ({ brokers, topic, partitions }) => {
  const kafka = new Kafka({ clientId: 'produce', brokers: [...brokers], logLevel: logLevel.NOTHING });
  await newTopic(kafka, topic, partitions);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return {
    async carryOut({ batches, records, recordBytes }) {
      const value = randomBytes(recordBytes);
      const headers = { mac: randomBytes(32) };
      const spent = countCosts();
      for (let sent = 0; sent < batches; sent += 1) {
        const messages = Array.from({ length: records }, (_, at) => ({
          partition: at % partitions,
          key: `run-${at}`,
          value,
          headers,
        }));
        await producer.send({ topic, acks: -1, messages });
      }
      return { cpuMicros: spent().cpuMicros };
    },
    close: () => producer.disconnect(),
  };
});
