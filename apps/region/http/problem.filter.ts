import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { AtollError } from '#core/errors.js';
import { batchBodyBytesMax, bodyBytesMax, retryAfterSeconds } from '#io/http/limits.js';
import { problemMediaType, problemOf, type Problem } from '#io/wire/problem.js';
import { asAtollError, type Report } from '../api/as-atoll-error.js';
import type { RimReply, RimRequest } from './request.js';

/** Answers everything that is thrown anywhere as an RFC 9457 problem. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly region: string,
    private readonly report: Report,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<RimRequest>();
    const reply = http.getResponse<RimReply>();
    if (reply.sent) return;
    const error = thrown instanceof HttpException ? ofStatus(thrown) : asAtollError(thrown, this.report);
    const problem = problemOf(error, { requestId: request.id, region: this.region });
    void reply
      .code(problem.status)
      .headers(headersOf(problem))
      .type(problemMediaType)
      .send(JSON.stringify(problem));
  }
}

function headersOf(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = {};
  if (problem.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="atoll"';
  if (problem.retryable) headers['retry-after'] = String(retryAfterSeconds);
  if (typeof problem.version === 'string') headers.etag = `"${problem.version}"`;
  if (typeof problem.session === 'string') headers['atoll-session'] = problem.session;
  if (typeof problem.stalenessMs === 'number') headers['atoll-staleness-ms'] = String(problem.stalenessMs);
  return headers;
}

/** What the framework refuses by itself, in our terms. */
function ofStatus(exception: HttpException): AtollError {
  const status = exception.getStatus();
  if (status === 404 || status === 405) return new AtollError('route_not_found', exception.message);
  if (status === 413) {
    const detail = `A body may have ${bodyBytesMax} bytes, that of a batch ${batchBodyBytesMax}.`;
    return new AtollError('too_large', detail);
  }
  if (status === 415) return new AtollError('invalid_request', 'Send the body as application/json.');
  if (status >= 400 && status < 500) return new AtollError('invalid_request', exception.message);
  return new AtollError('unavailable', 'The service is starting or stopping.');
}
