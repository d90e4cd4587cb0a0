import { Agent, request as httpRequest, validateHeaderValue, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { NoAnswer, RequestRefused } from './errors.js';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Until the whole answer is there. */
  readonly timeoutMillis: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Connections to one process of a region, kept alive between calls. */
export interface HttpConnection {
  readonly url: string;
  /** @throws NoAnswer; RequestRefused when a header cannot be sent as it is */
  call(call: HttpCall): Promise<HttpAnswer>;
  /** Resolves with the answer's head; its body is the caller's to read. Never times out after that. @throws as `call` does */
  open(call: HttpCall): Promise<IncomingMessage>;
  close(): void;
}

/** More wait in line: a region accepts many more, but a client that opens hundreds only queues them elsewhere. */
const socketsMax = 64;

/** @param url such as `http://127.0.0.1:7410`, `http://[::1]:7410`, or with a path that stands before those of all calls */
export function connectHttp(url: string, token?: string): HttpConnection {
  const base = new URL(url);
  const host = base.hostname.replace(/^\[(.*)\]$/, '$1');
  const prefix = base.pathname.replace(/\/+$/, '');
  const secure = base.protocol === 'https:';
  const agent = new (secure ? TlsAgent : Agent)({ keepAlive: true, maxSockets: socketsMax });
  const send = secure ? httpsRequest : httpRequest;

  const open = async (call: HttpCall, useAgent = true): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body), 'utf8');
    const headers = {
      accept: 'application/json, application/problem+json, text/event-stream',
      ...(body ? { 'content-type': 'application/json', 'content-length': String(body.length) } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...call.headers,
    };
    checkHeaders(headers);
    const outgoing = send({
      agent: useAgent ? agent : false,
      ...{ host, port: base.port, method: call.method, path: prefix + call.path, headers },
    });
    const fail = (error: Error): void => {
      const { code } = error as NodeJS.ErrnoException;
      const sent = code !== 'ECONNREFUSED' && code !== 'ENOTFOUND' && code !== 'EHOSTUNREACH';
      reject(new NoAnswer(`${url}: ${error.message}`, sent, { cause: error }));
    };
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer within ${call.timeoutMillis} ms`)),
      call.timeoutMillis,
    );
    outgoing.once('error', fail);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('response', (answer) => {
      if (!useAgent) clearTimeout(timer);
      resolve(answer);
    });
    outgoing.end(body);
    return promise;
  };

  return {
    url,
    open: (call) => open(call, false),
    async call(call) {
      const answer = await open(call);
      try {
        return { status: answer.statusCode ?? 0, headers: answer.headers, text: await readAll(answer) };
      } catch (error) {
        throw new NoAnswer(`${url}: ${(error as Error).message}`, true, { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
}

/** What a region answers to a value of the header that it cannot take; of any other, that the request is invalid. */
const refusals: Readonly<Record<string, { readonly code: string; readonly what: string }>> = {
  'atoll-session': { code: 'invalid_session', what: 'the session token' },
  'idempotency-key': { code: 'invalid_mutation_id', what: 'the mutation id' },
  authorization: { code: 'invalid_request', what: 'the bearer token' },
};

/** Refuses what no HTTP request can carry, as a region would if it could be asked; the value, perhaps a secret, is not repeated. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderValue(name, value);
    } catch {
      const { code, what } = refusals[name] ?? { code: 'invalid_request', what: name };
      throw new RequestRefused({
        ...{ status: 400, code, title: 'The request was not sent', retryable: false },
        detail: `${what} has characters that an HTTP header cannot carry; nothing was sent`,
        ...{ requestId: '', region: '', errors: [] },
      });
    }
  }
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
