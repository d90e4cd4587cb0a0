import type { LoggerService } from '@nestjs/common';
import type { Log } from '#io/telemetry/json-log.js';

/** Nest's own words, as lines of our one log. What it says while it starts is of no use to anybody else. */
export function nestLogOf(log: Log): LoggerService {
  const text = (message: unknown): string => (typeof message === 'string' ? message : String(message));
  return {
    log: (message: unknown, ...rest: unknown[]) => log('debug', text(message), { from: rest.at(-1) }),
    warn: (message: unknown, ...rest: unknown[]) => log('warn', text(message), { from: rest.at(-1) }),
    error: (message: unknown, ...rest: unknown[]) =>
      log('error', text(message), { from: rest.at(-1), details: rest.slice(0, -1) }),
    debug: () => undefined,
    verbose: () => undefined,
  };
}
