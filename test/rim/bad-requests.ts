import { cart, changes, json, operation, set, type BadRequest } from './bad-request.js';
import { badShapes, overLimits } from './bad-shapes.js';
import { badValues, unknownNames } from './bad-values.js';

const good = operation(set('coupon', 'A'));
const badHeaders: readonly BadRequest[] = [
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
    headers: { 'atoll-consistency': 'strong' },
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
    name: 'a bounded level without its bound',
    method: 'GET',
    url: cart,
    headers: { 'atoll-consistency': 'bounded' },
    code: 'invalid_request',
  },
  {
    name: 'a write at a level of reads',
    url: changes,
    headers: { 'atoll-consistency': 'quorum' },
    body: good,
    code: 'level_not_available',
  },
  {
    name: 'a list at a level that it does not have',
    method: 'GET',
    url: '/v1/entities/cart',
    headers: { 'atoll-consistency': 'bounded;max=100ms' },
    code: 'level_not_available',
  },
  {
    name: 'a feed at a level that it does not have',
    method: 'GET',
    url: '/v1/changes',
    headers: { 'atoll-consistency': 'quorum' },
    code: 'level_not_available',
  },
  {
    name: 'a read with acks',
    method: 'GET',
    url: cart,
    headers: { 'atoll-acks': 'majority' },
    code: 'acks_not_available',
  },
  {
    name: 'a level under a misspelt name',
    method: 'GET',
    url: cart,
    headers: { 'atoll-consistancy': 'strong' },
    code: 'invalid_request',
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

/** Every request that must be refused, with its code, and change nothing; over HTTP, and where gRPC has it, over gRPC. */
export const badRequests: readonly BadRequest[] = [
  ...unknownNames,
  ...badValues,
  ...badShapes,
  ...overLimits,
  ...badHeaders,
];
