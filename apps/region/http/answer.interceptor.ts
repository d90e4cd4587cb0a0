import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, throwError, timeout, type Observable } from 'rxjs';
import { AtollError } from '#core/errors.js';
import { refuseUntaken } from '#io/http/call.js';
import { handlingGraceMillis } from '#io/http/limits.js';
import { noQuery } from '#io/http/requests.js';
import { readBy } from '#io/http/validation.js';
import type { Answer } from '../api/answer.js';
import { callOf, type RimReply, type RimRequest } from './request.js';

/** The call headers that an operation takes, as metadata of its handler. */
export const takenHeadersKey = 'atoll:taken-headers';
/** Whether an operation takes no query parameters, as metadata of its handler. */
export const refusesQueryKey = 'atoll:refuses-query';

/** Gives an operation's answer its HTTP form: headers beside the body. Refuses to wait longer than the caller would. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor<Answer<unknown>, unknown> {
  intercept(context: ExecutionContext, next: CallHandler<Answer<unknown>>): Observable<unknown> {
    const http = context.switchToHttp();
    const reply = http.getResponse<RimReply>();
    const request = http.getRequest<RimRequest>();
    const call = callOf(request);
    const handler = context.getHandler();
    if (Reflect.getMetadata(refusesQueryKey, handler) === true) readBy(noQuery, request.query, '/query');
    const taken = Reflect.getMetadata(takenHeadersKey, handler) as readonly string[] | undefined;
    refuseUntaken(call, {
      level: taken?.includes('Atoll-Consistency') === true,
      acks: taken?.includes('Atoll-Acks') === true,
    });
    const { maxWaitMillis } = call;
    return next.handle().pipe(
      timeout({ each: maxWaitMillis + handlingGraceMillis, with: () => throwError(tooLate) }),
      map(({ body, version, session, stalenessMs }) => {
        if (stalenessMs !== undefined) void reply.header('atoll-staleness-ms', String(stalenessMs));
        if (version !== undefined) void reply.header('etag', `"${version}"`);
        if (session !== undefined) void reply.header('atoll-session', session);
        return body;
      }),
    );
  }
}

function tooLate(): AtollError {
  return new AtollError('deadline_exceeded', 'The answer did not come within the wait that was allowed.');
}
