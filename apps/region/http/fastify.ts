import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestKind } from '#core/admission/admit.js';
import { AtollError } from '#core/errors.js';
import type { Admission } from '#flow/accept/admission.js';
import type { BearerTokens } from '#io/http/bearer-tokens.js';
import { readJson } from '#io/http/json-body.js';
import { batchBodyBytesMax, bodyBytesMax, headerBytesMax, requestReceiveMillisMax } from '#io/http/limits.js';
import { problemMediaType, problemOf, type Problem } from '#io/wire/problem.js';
import { headerOf, type RimRequest } from './request.js';

/** An id of 512 characters, each as up to four bytes in percent form; tokens of barriers are shorter than the headers. */
const pathParameterLengthMax = headerBytesMax;

const publicRoutes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/openapi.json']);
const batchRoute = '/v1/batch';
/** The one GET that has no end: what it would answer is never whole. */
const feedRoute = '/v1/changes';

export interface FastifyParts {
  readonly region: string;
  readonly tokens: BearerTokens;
  readonly admission: Admission;
}

/**
 * Fastify as the rim needs it: limits before anything is read, our JSON reader instead of the built-in ones, and our
 * problems also for what never reaches a route.
 */
export function createFastifyAdapter({ region, tokens, admission }: FastifyParts): FastifyAdapter {
  const adapter = new FastifyAdapter({
    genReqId: () => randomUUID(),
    requestTimeout: requestReceiveMillisMax,
    bodyLimit: batchBodyBytesMax,
    // A request without a Host is answered like any other: Node would answer it by an empty 400.
    http: { maxHeaderSize: headerBytesMax, requireHostHeader: false },
    routerOptions: { maxParamLength: pathParameterLengthMax },
    logger: false,
    // HEAD answers as GET does, without the body.
    exposeHeadRoutes: true,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const problem = problemOf(malformedUrl(error), { requestId: request.id, region });
      void reply.code(problem.status).type(problemMediaType).send(problem);
    },
    clientErrorHandler: (error: Error & { readonly code?: string }, socket: Socket) => {
      answerRaw(socket, problemOf(unreadable(error.code), { requestId: randomUUID(), region }));
    },
  });
  prepare(adapter.getInstance() as unknown as FastifyInstance, { region, tokens, admission });
  return adapter;
}

function prepare(fastify: FastifyInstance, { region, tokens, admission }: FastifyParts): void {
  // Their bytes are bounded. Of too many Node would drop some without a word, and with them what they ask for.
  fastify.server.maxHeadersCount = 0;
  fastify.server.on('connect', (_request, socket: Socket) => {
    const error = new AtollError('route_not_found', 'This is no proxy: there is no CONNECT.');
    answerRaw(socket, problemOf(error, { requestId: randomUUID(), region }));
  });
  fastify.server.on('checkExpectation', (_request, response: ServerResponse) => {
    const error = new AtollError('invalid_request', 'Expect takes 100-continue.');
    const problem = problemOf(error, { requestId: randomUUID(), region });
    const body = JSON.stringify(problem);
    const length = Buffer.byteLength(body);
    const headers = { 'content-type': problemMediaType, 'content-length': length, 'atoll-region': region };
    response.writeHead(problem.status, headers).end(body);
  });
  fastify.addHook('onRoute', (route) => {
    if (route.url !== batchRoute) route.bodyLimit = bodyBytesMax;
    if (route.url === feedRoute && route.method === 'HEAD')
      route.handler = (_request, reply) => reply.callNotFound();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'atoll-region': region, 'atoll-request-id': request.id, 'cache-control': 'no-store' });
    done();
  });
  fastify.addHook('onRequest', (request: RimRequest, _reply, done) => {
    try {
      if (!isPublic(request)) request.caller = tokens.identify(headerOf(request, 'authorization'));
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addHook('onRequest', (request, _reply, done) => done(unreadablePart(request)));
  fastify.addHook('onRequest', (request: RimRequest, reply, done) => {
    const kind = requestKindOf(request);
    try {
      if (kind !== undefined) {
        const ticket = admission.enter(kind, announcedBytes(request));
        request.ticket = ticket;
        reply.raw.once('close', () => ticket.leave());
      }
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addHook('preHandler', (request: RimRequest, _reply, done) => {
    request.ticket?.arrived();
    done();
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    try {
      done(null, body.length === 0 ? undefined : readJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** What would be taken for something else than was meant: a reader of queries takes what does not decode as it stands. */
function unreadablePart({ url, headers }: FastifyRequest): AtollError | undefined {
  const cut = url.indexOf('?');
  if (cut >= 0 && !decodes(url.slice(cut)))
    return new AtollError('invalid_request', 'The query does not decode.');
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding === 'identity') return undefined;
  return new AtollError('invalid_request', 'Send the body as it is: Content-Encoding is not served.');
}

function decodes(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}

/** What anybody may see; also what is not there. Everyone else is known before a byte of a body is read. */
function isPublic({ routeOptions, is404 }: RimRequest): boolean {
  const path = routeOptions.url ?? '';
  return is404 || publicRoutes.has(path) || path.startsWith('/docs');
}

/** Reads that are asked by POST, because what they ask for does not fit a URL. */
const readingPosts: ReadonlySet<string> = new Set(['/v1/entities/:type/get', '/v1/barriers']);

/** What the door takes a request for; `undefined` for what nobody is refused: health, metrics, descriptions, what is not there. */
function requestKindOf({ method, routeOptions: { url = '' } }: FastifyRequest): RequestKind | undefined {
  if (!url.startsWith('/v1/')) return undefined;
  if (url.startsWith('/v1/admin/')) return 'operate';
  const reads = method === 'GET' || method === 'HEAD' || readingPosts.has(url);
  return reads ? 'read' : 'write';
}

/** What a body may come to: as long as it says it is, or as long as one may be. */
function announcedBytes({ headers, routeOptions }: FastifyRequest): number {
  const most = routeOptions.bodyLimit;
  if (headers['transfer-encoding'] !== undefined) return most;
  return Math.min(Number(headers['content-length'] ?? 0), most);
}

function malformedUrl({ code, message }: FastifyError): AtollError {
  if (code === 'FST_ERR_MAX_PARAM_LENGTH' || /maxParamLength/i.test(message)) {
    return new AtollError('too_large', 'A part of the path is too long.');
  }
  return new AtollError('invalid_request', 'The path is not a valid URL path.');
}

function unreadable(code: string | undefined): AtollError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AtollError('too_large', `The headers may have ${headerBytesMax} bytes together.`);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AtollError(
      'invalid_request',
      `The request did not arrive within ${requestReceiveMillisMax} ms.`,
    );
  }
  if (code === 'HPE_INVALID_METHOD') {
    return new AtollError('invalid_request', 'A request begins with GET, HEAD, POST, PATCH or DELETE.');
  }
  return new AtollError('invalid_request', 'This is not HTTP/1.1.');
}

/** For requests that HTTP's own parser gave up on: there is a socket and nothing else. */
function answerRaw(socket: Socket, problem: Problem): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `atoll-region: ${problem.region}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
