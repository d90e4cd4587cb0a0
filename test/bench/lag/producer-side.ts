import { Kafka, logLevel, type Producer } from 'kafkajs';
import { openLoop, type OpenLoopResult } from '../load/open-loop.js';
import { sharedMillis } from '../machine.js';
import { newTopic } from '../peers/new-topic.js';
import { preferThisProcess } from '../side/prefer-process.js';
import { serveSide } from '../side/serve-side.js';

export interface ProducerSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly recordBytes: number;
  /** Requests in flight, each over a connection of its own. */
  readonly slots: number;
}

export interface ProducerOrder {
  readonly perSecond: number;
  readonly seconds: number;
}

/** The bare way: what is due at one look, or gathers while all requests are under way, goes as one request. */
serveSide<ProducerSettings, ProducerOrder, OpenLoopResult>(
  async ({ brokers, topic, partitions, recordBytes, slots }) => {
    preferThisProcess();
    const kafka = new Kafka({ clientId: 'bare', brokers: [...brokers], logLevel: logLevel.ERROR });
    await newTopic(kafka, topic, partitions);
    const producers = Array.from({ length: slots }, () => kafka.producer({ allowAutoTopicCreation: false }));
    await Promise.all(producers.map((producer) => producer.connect()));
    const idle: Producer[] = [...producers];
    let gathered: { partition: number; key: string; value: Buffer }[] = [];
    let whenSent: () => void = () => undefined;
    let failure: unknown;

    const pump = (): void => {
      while (gathered.length > 0 && idle.length > 0) {
        const producer = idle.pop() as Producer;
        const messages = gathered;
        gathered = [];
        producer
          .send({ topic, acks: -1, messages })
          .catch((error: unknown) => (failure ??= error))
          .finally(() => {
            idle.push(producer);
            pump();
            if (idle.length === slots) whenSent();
          });
      }
    };

    return {
      async carryOut({ perSecond, seconds }) {
        const loop = await openLoop({
          perSecond,
          seconds,
          begin(number) {
            const value = Buffer.alloc(recordBytes, 0x61);
            value.writeDoubleBE(number, 0);
            value.writeDoubleBE(sharedMillis(), 8);
            gathered.push({ partition: number % partitions, key: `document-${number}`, value });
          },
          ticked: pump,
        });
        if (idle.length < slots) await new Promise<void>((resolve) => (whenSent = resolve));
        if (failure !== undefined) throw failure;
        return loop;
      },
      async close() {
        await Promise.all(producers.map((producer) => producer.disconnect()));
      },
    };
  },
);
