import { groupSizeMax } from '#core/event/event.js';
import {
  bodyBytesMax,
  batchBodyBytesMax,
  batchChangesMax,
  getManyIdsMax,
  operationsMax,
} from '#io/http/limits.js';

import { cart, changes, increment, json, operation, raw, set, type BadRequest } from './bad-request.js';

export const badShapes: readonly BadRequest[] = [
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
    name: 'an atomic change with a mutation id of its own',
    url: '/v1/transactions',
    body: json({ changes: [{ type: 'cart', id: 'bad', operations: [set('coupon', 'A')], mutationId: 'm' }] }),
    code: 'invalid_request',
    path: '/changes/0/mutationId',
  },
  {
    name: 'an atomic change of nothing',
    url: '/v1/transactions',
    body: json({ changes: [] }),
    code: 'invalid_request',
    path: '/changes',
  },
  {
    name: 'an atomic change of entities that do not lie together',
    url: '/v1/transactions',
    body: json({
      changes: ['a', 'bad'].map((id) => ({ type: 'cart', id, operations: [set('coupon', 'A')] })),
    }),
    code: 'not_one_partition',
    path: '/changes/0',
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

export const overLimits: readonly BadRequest[] = [
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
    name: 'an atomic change of too many entities',
    url: '/v1/transactions',
    body: json({
      changes: Array.from({ length: groupSizeMax + 1 }, (_, at) => ({
        type: 'cart',
        id: `${at}`,
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
