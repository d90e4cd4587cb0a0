/** `audit` is what operators did: it is written whatever the level. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'audit';

export type Log = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void;

export interface JsonLogConfig {
  readonly level: Exclude<LogLevel, 'audit'>;
  /** On every line: region, process. */
  readonly always: Readonly<Record<string, unknown>>;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, audit: 4 };

/** One JSON object per line: `time`, `level`, `message`, then what is always there, then the details. */
export function createJsonLog({ level: lowest, always, write, now }: JsonLogConfig): Log {
  return (level, message, details = {}) => {
    if (order[level] < order[lowest]) return;
    const line = { time: now().toISOString(), level, message, ...always, ...details };
    write(`${JSON.stringify(line, plain)}\n`);
  };
}

/** What JSON cannot say by itself. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const parts = value instanceof AggregateError ? { errors: value.errors as unknown } : {};
    return { name, message, ...('code' in value ? { code: value.code } : {}), stack, cause, ...parts };
  }
  return value;
}
