let silenced = false;

const fromKafkajsStack = /node_modules[\\/]kafkajs[\\/]/;

/**
 * Drops one known warning: kafkajs 2.2 asks for a timer in the past whenever it is not throttled, which Node since 24
 * mentions as `TimeoutNegativeWarning`. The timer fires at once, as it is meant to. Every other warning passes.
 */
export function silenceNegativeTimeouts(): void {
  if (silenced) return;
  silenced = true;
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  const filtered = (...args: unknown[]): void => {
    const fromKafkajs =
      args[1] === 'TimeoutNegativeWarning' && fromKafkajsStack.test(new Error().stack ?? '');
    if (!fromKafkajs) emit(...args);
  };
  process.emitWarning = filtered as typeof process.emitWarning;
}
