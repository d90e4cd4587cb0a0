import type { Kafka } from 'kafkajs';

const millisMax = 20_000;
const lookMillis = 50;

/** Makes a topic and waits until every partition has a leader: right after its creation a broker may not know it yet. */
export async function newTopic(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
      waitForLeaders: false,
    });
    const giveUp = performance.now() + millisMax;
    while (!(await hasLeaders(admin, topic, partitions))) {
      if (performance.now() > giveUp) throw new Error(`the topic ${topic} has no leaders`);
      await new Promise((resolve) => setTimeout(resolve, lookMillis));
    }
  } finally {
    await admin.disconnect();
  }
}

async function hasLeaders(
  admin: ReturnType<Kafka['admin']>,
  topic: string,
  partitions: number,
): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = topics[0]?.partitions ?? [];
    return found.length === partitions && found.every(({ leader }) => leader >= 0);
  } catch {
    return false;
  }
}
