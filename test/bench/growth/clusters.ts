import { startStack } from '#io/devstack/stack.js';
import type { BenchContext } from '../bench.js';

/** Kafka clusters for so many regions, the near one first. */
export interface Clusters {
  readonly brokers: readonly (readonly string[])[];
  stop(): Promise<void>;
}

/** Those of the run's own stack, and a further stack for what it lacks. */
export async function openClusters({ servers, progress }: BenchContext, count: number): Promise<Clusters> {
  const own = [servers.near, servers.far, servers.third].map(({ kafkaBrokers }) => kafkaBrokers);
  if (count <= own.length) return { brokers: own.slice(0, count), stop: () => Promise.resolve() };
  const further = await startStack({
    regions: Array.from({ length: count - own.length }, (_, at) => `further-${at}`),
    portBase: 0,
    latency: 'none',
    handleSignals: true,
    onProgress: (step) => progress.now(`growth: ${step}`),
  });
  return {
    brokers: [...own, ...further.regions.map(({ kafkaBrokers }) => kafkaBrokers)],
    stop: () => further.stop(),
  };
}
