import { Metadata } from '@grpc/grpc-js';
import type { AtollError } from '#core/errors.js';
import { retryAfterSeconds } from '#io/http/limits.js';
import { problemOf } from '#io/wire/problem.js';
import { richStatusOf, statusDetailsKey } from '#io/wire/rich-status.js';

export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What every answer says of where it comes from. */
export function answerMetadata(region: string, requestId: string): Metadata {
  const metadata = new Metadata();
  metadata.set('atoll-region', region);
  metadata.set('atoll-request-id', requestId);
  return metadata;
}

/** The gRPC twin of an HTTP problem, with the headers that go with it as metadata of the same names. */
export function grpcStatusOf(error: AtollError, region: string, requestId: string): GrpcStatus {
  const problem = problemOf(error, { requestId, region });
  const { code, message, details } = richStatusOf(problem);
  const metadata = answerMetadata(region, requestId);
  if (problem.retryable) metadata.set('retry-after', String(retryAfterSeconds));
  metadata.set(statusDetailsKey, details);
  return { code, details: message, metadata };
}
