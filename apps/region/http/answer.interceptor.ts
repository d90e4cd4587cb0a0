import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, throwError, timeout, type Observable } from 'rxjs';
import { AtollError } from '#core/errors.js';
import { refuseUntaken } from '#io/http/call.js';
import { handlingGraceMillis } from '#io/http/limits.js';
import type { Answer } from '../api/answer.js';
import { callOf, type RimReply, type RimRequest } from './request.js';

/** The call headers that an operation takes, as metadata of its handler. */
export const takenHeadersKey = 'atoll:taken-headers';

/** Gives an operation's answer its HTTP form: headers beside the body. Refuses to wait longer than the caller would. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor<Answer<unknown>, unknown> {
  intercept(context: ExecutionContext, next: CallHandler<Answer<unknown>>): Observable<unknown> {
    const http = context.switchToHttp();
    const reply = http.getResponse<RimReply>();
    const call = callOf(http.getRequest<RimRequest>());
    const taken = Reflect.getMetadata(takenHeadersKey, context.getHandler()) as readonly string[] | undefined;
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
