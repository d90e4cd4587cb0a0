import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, throwError, timeout, type Observable } from 'rxjs';
import { AtollError } from '#core/errors.js';
import { handlingGraceMillis } from '#io/http/limits.js';
import type { Answer } from '../api/answer.js';
import { callOf, type RimReply, type RimRequest } from './request.js';

/** Gives an operation's answer its HTTP form: headers beside the body. Refuses to wait longer than the caller would. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor<Answer<unknown>, unknown> {
  intercept(context: ExecutionContext, next: CallHandler<Answer<unknown>>): Observable<unknown> {
    const http = context.switchToHttp();
    const reply = http.getResponse<RimReply>();
    const { maxWaitMillis } = callOf(http.getRequest<RimRequest>());
    return next.handle().pipe(
      timeout({ each: maxWaitMillis + handlingGraceMillis, with: () => throwError(tooLate) }),
      map(({ body, version, session }) => {
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
