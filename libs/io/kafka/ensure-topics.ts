import type { Cluster } from './cluster.js';
import type { KafkaDriver } from './driver.js';
import type { TopicShape } from './topics.js';

const servedAttemptsMax = 50;
const servedRetryMillis = 50;

/**
 * Makes sure that topics are there and that every partition is served: a broker says that it leads a new partition a
 * moment before it does.
 *
 * @throws PartitionMismatch, or an error of the client
 */
export async function ensureTopics(
  driver: KafkaDriver,
  cluster: Cluster,
  shapes: readonly TopicShape[],
): Promise<void> {
  if (!(await driver.createTopics(cluster, shapes))) return;
  const names = shapes.map(({ name }) => name);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await driver.ranges(cluster, names);
      return;
    } catch (error) {
      if (attempt === servedAttemptsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, servedRetryMillis));
    }
  }
}
