import { randomUUID } from 'node:crypto';
import {
  Metadata,
  status as grpcStatus,
  type ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { AtollError, type ErrorCode } from '#core/errors.js';
import { problemOf } from '#io/wire/problem.js';
import { richStatusOf, statusDetailsKey } from '#io/wire/rich-status.js';

type Said = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

const ours = '/atoll.v1.Atoll/';

/** What gRPC says of a request that it cannot read. Its other statuses are of its own making, or of a client's deadline. */
const refusals: readonly (readonly [status: grpcStatus, said: RegExp, code: ErrorCode])[] = [
  [grpcStatus.RESOURCE_EXHAUSTED, /^Received message/, 'too_large'],
  [
    grpcStatus.INTERNAL,
    /^(Error deserializing request|Failed to decompress|Invalid grpc-timeout)/,
    'invalid_request',
  ],
  [grpcStatus.UNIMPLEMENTED, /^Received (message compressed|no request|a second)/, 'invalid_request'],
];

/**
 * Gives what gRPC refuses by itself, before a method is called, the rich status that everything else has. It sends such a
 * status by the very call that interceptors are given, so that none of them is asked: hence the call is changed, not wrapped.
 */
export function richRefusals(region: string): ServerInterceptor {
  return ({ path }, call) => {
    if (path.startsWith(ours)) {
      const send = call.sendStatus.bind(call);
      call.sendStatus = (said) => send(richOf(said, region));
    }
    return call as ServerInterceptingCall;
  };
}

function richOf(said: Said, region: string): Said {
  const isRich = said.metadata !== undefined && said.metadata !== null;
  const { code: number, details = '' } = said;
  const found = isRich
    ? undefined
    : refusals.find(([code, text]) => code === number && text.test(details ?? ''));
  if (!found) return said;
  const [, , errorCode] = found;
  const problem = problemOf(new AtollError(errorCode, `${details}.`), { requestId: randomUUID(), region });
  const rich = richStatusOf(problem);
  const metadata = new Metadata();
  metadata.set('atoll-region', region);
  metadata.set('atoll-request-id', problem.requestId);
  metadata.set(statusDetailsKey, rich.details);
  return { code: rich.code, details: rich.message, metadata };
}
