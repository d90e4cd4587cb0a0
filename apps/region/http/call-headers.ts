import { maxWaitMillisDefault, maxWaitMillisMax } from '#io/http/limits.js';

/** The headers of calls, as the OpenAPI description tells them. gRPC metadata has the same names. */
export const callHeaders = {
  'Idempotency-Key': {
    description:
      'The mutation id of the command, best `region.uuidv7`: a retry with the same id has the outcome of the first try. Where regions are cut off, a retry in another one is stored there as a second copy; of the copies one counts. A key of another form is best effort outside the region that took it first, and after the retention',
    example: 'us.019a4f2e-7c00-7d3a-9b1e-0242ac120002',
  },
  'Atoll-Session': {
    description:
      'The session token of the last answer: reads and writes then follow what it depends on. Several, separated by commas, count as one',
  },
  'Atoll-Consistency': {
    description:
      '`eventual`, `session`, `causal`, `bounded;max=<n>ms` (with `;else=fetch`, `redirect` or `refuse`; `fetch` without it) `quorum`, or `strong` for types that are declared so; without it `session` where a token is sent, else `eventual`. A `causal` read adds what the entity depends on to the token. Writes take `session` and `causal`: a `causal` write is shown nowhere before what its token depends on',
    example: 'session',
  },
  'Atoll-Acks': {
    description:
      'In how many other regions the write must be stored before it is answered: `local` (none), `1`, `majority` (the own region counts) or `all`; without it `local`',
    example: 'majority',
  },
  'Atoll-Max-Wait': {
    description: `How long to wait at most, in milliseconds: 0 to ${maxWaitMillisMax}, without it ${maxWaitMillisDefault}`,
    example: '500',
  },
  'If-Match': {
    description:
      'The ETag that the entity must have: in this region for eventual types, at its home for strong ones',
  },
  'Last-Event-ID': { description: 'As `after`, sent by event sources that reconnect' },
} as const;

export type CallHeaderName = keyof typeof callHeaders;

export const readHeaders: readonly CallHeaderName[] = [
  'Atoll-Session',
  'Atoll-Consistency',
  'Atoll-Max-Wait',
];
export const writeHeaders: readonly CallHeaderName[] = [
  'Idempotency-Key',
  'If-Match',
  'Atoll-Session',
  'Atoll-Consistency',
  'Atoll-Acks',
  'Atoll-Max-Wait',
];
