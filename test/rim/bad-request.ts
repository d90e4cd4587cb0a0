import type { ErrorCode } from '#core/errors.js';

/** A request that must be refused and change nothing. */
export interface BadRequest {
  readonly name: string;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The raw body: not everything bad can be said by JSON.stringify. */
  readonly body?: string | Buffer;
  readonly code: ErrorCode;
  /** JSON pointer of the first field error, where there is one. */
  readonly path?: string;
}

/** How the cases write their requests. */
export const cart = '/v1/entities/cart/bad';
export const changes = `${cart}/changes`;
export const json = (value: unknown): string => JSON.stringify(value);
export const operation = (...operations: unknown[]): string => json({ operations });
export const set = (field: string, value: unknown) => ({ field, op: 'set', value });
export const increment = (field: string, by: unknown) => ({ field, op: 'increment', by });
export const raw = (value: string): string =>
  `{"operations":[{"field":"coupon","op":"set","value":${value}}]}`;
