import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  SetMetadata,
  UseInterceptors,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import type { ErrorCode } from '#core/errors.js';
import type { Role } from '#io/http/bearer-tokens.js';
import type { Call } from '#io/http/call.js';
import { Needs } from './access.guard.js';
import { AnswerInterceptor, refusesQueryKey, takenHeadersKey } from './answer.interceptor.js';
import { callHeaders, type CallHeaderName } from './call-headers.js';
import { FailsWith } from './problem-responses.js';
import { callOf, type RimRequest } from './request.js';

/** The call's headers, read and checked. */
export const CallOf = createParamDecorator((_data: unknown, context: ExecutionContext): Call =>
  callOf(context.switchToHttp().getRequest<RimRequest>()),
);

export interface OperationOptions {
  /** The name that gRPC and the OpenAPI description know it by. */
  readonly name: string;
  readonly summary: string;
  readonly needs: Role | 'nobody';
  readonly answers: z.ZodType;
  readonly headers?: readonly CallHeaderName[];
  /** Besides those that every operation can answer, and those that the form of its requests brings along. */
  readonly errors?: readonly ErrorCode[];
  /** It reads query parameters itself. What nobody reads is refused, but where probes and load balancers may add their own. */
  readonly takesQuery?: boolean;
  /** It writes its answer itself, for as long as its client listens. */
  readonly streams?: boolean;
}

/** What whatever asks may be answered: each reads all call headers, and refuses what it does not take. */
export const always: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_session',
  'invalid_mutation_id',
  'level_not_available',
  'acks_not_available',
  'unauthenticated',
  'permission_denied',
  'overloaded',
  'deadline_exceeded',
  'unavailable',
  'internal',
];

/** Errors of everything that submits a command. */
export const writeErrors: readonly ErrorCode[] = [
  'unknown_type',
  'unknown_field',
  'unknown_operation',
  'invalid_value',
  'out_of_range',
  'observed_required',
  'precondition_failed',
  'insufficient_rights',
  'not_yet_stable',
  'reservation_not_found',
  'reservation_elsewhere',
  'rights_lapsed',
  'rights_reclaimed',
  'born_elsewhere',
  'too_large',
  'mutation_reused',
  'mutation_expired',
  'not_covered_yet',
  'entity_quarantined',
  'acks_incomplete',
  'owner_moved',
  'not_home',
  'type_moving',
  'no_majority',
  'clock_out_of_bounds',
];

export const readErrors: readonly ErrorCode[] = [
  'unknown_type',
  'not_covered_yet',
  'entity_quarantined',
  'too_stale',
  'read_elsewhere',
  'no_quorum',
  'owner_moved',
  'not_home',
  'type_moving',
  'no_majority',
];

/** Everything about one HTTP operation but its path: who may call it, what it takes and answers, and every way it can fail. */
export function Operation({
  name,
  summary,
  needs,
  answers,
  headers = [],
  errors = [],
  takesQuery = false,
  streams = false,
}: OperationOptions): MethodDecorator {
  return applyDecorators(
    Needs(needs),
    HttpCode(200),
    SetMetadata(takenHeadersKey, headers),
    SetMetadata(refusesQueryKey, !takesQuery && needs !== 'nobody'),
    ...(streams ? [] : [UseInterceptors(AnswerInterceptor)]),
    ApiOperation({
      operationId: name,
      summary,
      ...(needs === 'nobody' ? {} : { description: `Needs the role \`${needs}\`.` }),
    }),
    ApiBearerAuth(),
    ...headers.map((header) => ApiHeader({ name: header, required: false, ...callHeaders[header] })),
    ApiResponse({ status: 200, description: 'Done', standardSchema: answers, headers: answerHeaders }),
    FailsWith([...always, ...errors]),
  );
}

const text = { type: 'string' } as const;
const answerHeaders = {
  'Atoll-Region': { description: 'The region that answers', schema: text },
  'Atoll-Request-Id': { description: 'For support; the same as in problems', schema: text },
  'Atoll-Session': {
    description: 'The session token to send next, where the operation gives one',
    schema: text,
  },
  'Atoll-Staleness-Ms': {
    description: 'How old the answer can be, where it shows entities and anybody can tell',
    schema: text,
  },
  ETag: { description: "The entity's version, where the answer is about one entity", schema: text },
};
