import type { ErrorCode } from '#core/errors.js';
import {
  bodyBytesMax,
  batchBodyBytesMax,
  batchChangesMax,
  getManyIdsMax,
  operationsMax,
} from '#io/http/limits.js';

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

const cart = '/v1/entities/cart/bad';
const changes = `${cart}/changes`;
const json = (value: unknown): string => JSON.stringify(value);
const operation = (...operations: unknown[]): string => json({ operations });
const set = (field: string, value: unknown) => ({ field, op: 'set', value });
const increment = (field: string, by: unknown) => ({ field, op: 'increment', by });
const raw = (value: string): string => `{"operations":[{"field":"coupon","op":"set","value":${value}}]}`;

const unknowns: readonly BadRequest[] = [
  {
    name: 'an unknown type',
    url: '/v1/entities/basket/1/changes',
    body: operation(set('a', 1)),
    code: 'unknown_type',
  },
  { name: 'an unknown type read', method: 'GET', url: '/v1/entities/basket/1', code: 'unknown_type' },
  { name: 'an unknown type listed', method: 'GET', url: '/v1/entities/basket', code: 'unknown_type' },
  { name: 'the type __proto__', method: 'GET', url: '/v1/entities/__proto__/1', code: 'unknown_type' },
  {
    name: 'the type constructor',
    url: '/v1/entities/constructor/1/changes',
    body: operation(set('a', 1)),
    code: 'unknown_type',
  },
  {
    name: 'an unknown field',
    url: changes,
    body: operation(set('size', 1)),
    code: 'unknown_field',
    path: '/operations/0/field',
  },
  {
    name: 'the field __proto__',
    url: changes,
    body: operation(set('__proto__', 1)),
    code: 'unknown_field',
    path: '/operations/0/field',
  },
  {
    name: 'an unknown field beside good ones',
    url: changes,
    body: operation(set('coupon', 'A'), set('size', 1)),
    code: 'unknown_field',
    path: '/operations/1/field',
  },
  {
    name: 'an unknown field in a patch',
    method: 'PATCH',
    url: cart,
    body: json({ coupon: 'A', size: 1 }),
    code: 'unknown_field',
    path: '/size',
  },
  {
    name: 'an operation the policy lacks',
    url: changes,
    body: operation(increment('coupon', 1)),
    code: 'unknown_operation',
    path: '/operations/0/op',
  },
  {
    name: 'set on a counter',
    url: changes,
    body: operation(set('views', 1)),
    code: 'unknown_operation',
    path: '/operations/0/op',
  },
  {
    name: 'a patch of a counter',
    method: 'PATCH',
    url: cart,
    body: json({ views: 1 }),
    code: 'unknown_operation',
    path: '/views',
  },
  {
    name: 'an inner operation the policy of the map lacks',
    url: changes,
    body: operation({ field: 'lines', op: 'at', key: 'k', then: { op: 'set', value: 1 } }),
    code: 'unknown_operation',
    path: '/operations/0/then/op',
  },
];

const values: readonly BadRequest[] = [
  {
    name: 'a value against its schema',
    url: changes,
    body: operation(set('coupon', 'far too long')),
    code: 'invalid_value',
    path: '/operations/0/value',
  },
  {
    name: 'a value of another kind',
    url: changes,
    body: operation(set('coupon', { $gt: '' })),
    code: 'invalid_value',
    path: '/operations/0/value',
  },
  {
    name: 'a deep place against its schema',
    url: changes,
    body: operation(set('address', { city: 'x', lines: ['ok', 7] })),
    code: 'invalid_value',
    path: '/operations/0/value/lines/1',
  },
  {
    name: 'a deep place of a patch against its schema',
    method: 'PATCH',
    url: cart,
    body: json({ address: { city: 'x', lines: ['ok', 7] } }),
    code: 'invalid_value',
    path: '/address/lines/1',
  },
  {
    name: 'no value at all',
    url: changes,
    body: operation({ field: 'coupon', op: 'set' }),
    code: 'invalid_value',
  },
  {
    name: 'an argument that the operation does not know',
    url: changes,
    body: operation({ ...set('coupon', 'A'), timestamp: 1 }),
    code: 'invalid_value',
    path: '/operations/0/timestamp',
  },
  {
    name: 'half an increment',
    url: changes,
    body: operation(increment('views', 0.5)),
    code: 'invalid_value',
    path: '/operations/0/by',
  },
  {
    name: 'an increment as text',
    url: changes,
    body: operation(increment('views', '1')),
    code: 'invalid_value',
    path: '/operations/0/by',
  },
  {
    name: 'an increment beyond 2^53',
    url: changes,
    body: '{"operations":[{"field":"views","op":"increment","by":9007199254740993}]}',
    code: 'out_of_range',
    path: '/operations/0/by',
  },
  {
    name: 'an increment beyond all numbers',
    url: changes,
    body: '{"operations":[{"field":"views","op":"increment","by":1e999}]}',
    code: 'out_of_range',
    path: '/operations/0/by',
  },
  {
    name: 'a status that is not declared',
    url: changes,
    body: operation({ field: 'state', op: 'advance', to: 'lost' }),
    code: 'invalid_value',
    path: '/operations/0/to',
  },
  {
    name: 'U+0000 in a value',
    url: changes,
    body: raw('"a\\u0000b"'),
    code: 'invalid_value',
    path: '/operations/0/value',
  },
  {
    name: 'a lone surrogate in a value',
    url: changes,
    body: raw('"\\ud800"'),
    code: 'invalid_value',
    path: '/operations/0/value',
  },
  { name: 'U+0000 in a key', url: changes, body: raw('{"a\\u0000":1}'), code: 'invalid_value' },
  {
    name: 'U+0000 in an id',
    url: '/v1/entities/cart/a%00b/changes',
    body: operation(set('coupon', 'A')),
    code: 'invalid_request',
    path: '/path/id',
  },
  {
    name: 'the key __proto__ in a value',
    url: changes,
    body: raw('{"__proto__":{"admin":true}}'),
    code: 'invalid_request',
    path: '/operations/0/value/__proto__',
  },
];

const shapes: readonly BadRequest[] = [
  {
    name: 'a timestamp beside the operations',
    url: changes,
    body: json({ operations: [set('coupon', 'A')], timestamp: 1 }),
    code: 'invalid_request',
    path: '/timestamp',
  },
  {
    name: 'a time beside the operations',
    url: changes,
    body: json({ operations: [set('coupon', 'A')], time: [1, 2] }),
    code: 'invalid_request',
    path: '/time',
  },
  {
    name: 'the key __proto__',
    url: changes,
    body: '{"__proto__":{},"operations":[]}',
    code: 'invalid_request',
    path: '/__proto__',
  },
  {
    name: 'a repeated key',
    url: changes,
    body: '{"operations":[],"operations":[]}',
    code: 'invalid_request',
  },
  { name: 'no operations', url: changes, body: operation(), code: 'invalid_request', path: '/operations' },
  {
    name: 'operations that are none',
    url: changes,
    body: json({ operations: 'all' }),
    code: 'invalid_request',
    path: '/operations',
  },
  {
    name: 'an operation without a field',
    url: changes,
    body: operation({ op: 'set', value: 1 }),
    code: 'invalid_request',
    path: '/operations/0/field',
  },
  { name: 'an array for a body', url: changes, body: '[]', code: 'invalid_request' },
  { name: 'no body', url: changes, code: 'invalid_request' },
  { name: 'half a body', url: changes, body: '{"operations":[', code: 'invalid_request' },
  {
    name: 'a body that is not UTF-8',
    url: changes,
    body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    code: 'invalid_request',
  },
  {
    name: 'a body that says it is text',
    url: changes,
    headers: { 'content-type': 'text/plain' },
    body: operation(set('coupon', 'A')),
    code: 'invalid_request',
  },
  { name: 'an empty patch', method: 'PATCH', url: cart, body: '{}', code: 'invalid_request' },
  { name: 'a delete with a body', method: 'DELETE', url: cart, body: '{}', code: 'invalid_request' },
  {
    name: 'a batch with a timestamp',
    url: '/v1/batch',
    body: json({ changes: [{ type: 'cart', id: 'bad', operations: [set('coupon', 'A')], timestamp: 1 }] }),
    code: 'invalid_request',
    path: '/changes/0/timestamp',
  },
  {
    name: 'a query that nobody knows',
    method: 'GET',
    url: '/v1/entities/cart?size=3',
    code: 'invalid_request',
    path: '/query/size',
  },
  {
    name: 'a limit of zero',
    method: 'GET',
    url: '/v1/entities/cart?limit=0',
    code: 'invalid_request',
    path: '/query/limit',
  },
  {
    name: 'a path that does not decode',
    method: 'GET',
    url: '/v1/entities/cart/%E0%A4%A',
    code: 'invalid_request',
  },
  { name: 'a route that is none', method: 'GET', url: '/v2/entities', code: 'route_not_found' },
];

const limits: readonly BadRequest[] = [
  {
    name: 'more than 1 MiB',
    url: changes,
    body: operation(set('coupon', 'x'.repeat(bodyBytesMax))),
    code: 'too_large',
  },
  {
    name: 'a batch of more than 8 MiB',
    url: '/v1/batch',
    body: json({
      changes: [{ type: 'cart', id: 'bad', operations: [set('coupon', 'x'.repeat(batchBodyBytesMax))] }],
    }),
    code: 'too_large',
  },
  {
    name: 'too many operations',
    url: changes,
    body: operation(...Array.from({ length: operationsMax + 1 }, () => increment('views', 1))),
    code: 'too_large',
    path: '/operations',
  },
  {
    name: 'too many changes',
    url: '/v1/batch',
    body: json({
      changes: Array.from({ length: batchChangesMax + 1 }, () => ({
        type: 'cart',
        id: 'bad',
        operations: [increment('views', 1)],
      })),
    }),
    code: 'too_large',
    path: '/changes',
  },
  {
    name: 'too many ids',
    url: '/v1/entities/cart/get',
    body: json({ ids: Array.from({ length: getManyIdsMax + 1 }, (_, at) => `${at}`) }),
    code: 'too_large',
    path: '/ids',
  },
  {
    name: 'an id of 513 characters',
    url: `/v1/entities/cart/${'x'.repeat(513)}/changes`,
    body: operation(set('coupon', 'A')),
    code: 'too_large',
    path: '/path/id',
  },
  { name: 'JSON 65 levels deep', url: changes, body: raw('['.repeat(63) + ']'.repeat(63)), code: 'too_deep' },
  {
    name: 'JSON 100 000 levels deep',
    url: changes,
    body: raw('['.repeat(100_000) + ']'.repeat(100_000)),
    code: 'too_deep',
  },
  {
    name: '100 000 brackets that never close',
    url: changes,
    body: '[{"a":'.repeat(50_000),
    code: 'too_deep',
  },
];

const good = operation(set('coupon', 'A'));
const headers: readonly BadRequest[] = [
  {
    name: 'a malformed session token',
    url: changes,
    headers: { 'atoll-session': 'nonsense' },
    body: good,
    code: 'invalid_session',
  },
  {
    name: 'a malformed session token on a read',
    method: 'GET',
    url: cart,
    headers: { 'atoll-session': 'a.b' },
    code: 'invalid_session',
  },
  {
    name: 'a malformed session token on an eventual read',
    method: 'GET',
    url: cart,
    headers: { 'atoll-session': 'a.b', 'atoll-consistency': 'eventual' },
    code: 'invalid_session',
  },
  {
    name: 'a mutation id with a space',
    url: changes,
    headers: { 'idempotency-key': 'a b' },
    body: good,
    code: 'invalid_mutation_id',
  },
  {
    name: 'a mutation id of 201 characters',
    url: changes,
    headers: { 'idempotency-key': 'x'.repeat(201) },
    body: good,
    code: 'invalid_mutation_id',
  },
  {
    name: 'a mutation id from the future',
    url: changes,
    headers: { 'idempotency-key': 'us.ffff0000-0000-7000-8000-000000000000' },
    body: good,
    code: 'invalid_mutation_id',
  },
  {
    name: 'a mutation id older than the retention',
    url: changes,
    headers: { 'idempotency-key': 'us.01900000-0000-7000-8000-000000000000' },
    body: good,
    code: 'mutation_expired',
  },
  {
    name: 'a level that is not available',
    method: 'GET',
    url: cart,
    headers: { 'atoll-consistency': 'quorum' },
    code: 'level_not_available',
  },
  {
    name: 'a level that is none',
    method: 'GET',
    url: cart,
    headers: { 'atoll-consistency': 'best' },
    code: 'invalid_request',
  },
  {
    name: 'acks that are not available',
    url: changes,
    headers: { 'atoll-acks': 'majority' },
    body: good,
    code: 'acks_not_available',
  },
  {
    name: 'acks that are none',
    url: changes,
    headers: { 'atoll-acks': 'two' },
    body: good,
    code: 'invalid_request',
  },
  {
    name: 'a wait that is none',
    url: changes,
    headers: { 'atoll-max-wait': 'long' },
    body: good,
    code: 'invalid_request',
  },
  {
    name: 'If-Match with what is no ETag',
    url: changes,
    headers: { 'if-match': '"?"' },
    body: good,
    code: 'invalid_request',
  },
  {
    name: 'If-Match with a version that is not there',
    url: changes,
    headers: { 'if-match': `"${Buffer.from('us~9 1').toString('base64url')}"` },
    body: good,
    code: 'precondition_failed',
  },
  {
    name: 'observed with what is no version',
    url: changes,
    body: json({ operations: [set('coupon', 'A')], observed: '?' }),
    code: 'invalid_request',
    path: '/observed',
  },
  {
    name: 'observed with a version that never was',
    url: changes,
    headers: { 'atoll-max-wait': '50' },
    body: json({ operations: [set('coupon', 'A')], observed: Buffer.from('us~9 1').toString('base64url') }),
    code: 'not_covered_yet',
  },
];

export const badRequests: readonly BadRequest[] = [...unknowns, ...values, ...shapes, ...limits, ...headers];
