import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { NoAnswer } from './errors.js';

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
  /** @throws NoAnswer */
  call(call: HttpCall): Promise<HttpAnswer>;
  /** Resolves with the answer's head; its body is the caller's to read. Never times out after that. @throws NoAnswer */
  open(call: HttpCall): Promise<IncomingMessage>;
  close(): void;
}

/** More wait in line: a region accepts many more, but a client that opens hundreds only queues them elsewhere. */
const socketsMax = 64;

/** @param url such as `http://127.0.0.1:7410` */
export function connectHttp(url: string, token?: string): HttpConnection {
  const base = new URL(url);
  const secure = base.protocol === 'https:';
  const agent = new (secure ? TlsAgent : Agent)({ keepAlive: true, maxSockets: socketsMax });
  const send = secure ? httpsRequest : httpRequest;

  const open = (call: HttpCall, useAgent = true): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body), 'utf8');
    const outgoing = send({
      agent: useAgent ? agent : false,
      host: base.hostname,
      port: base.port,
      method: call.method,
      path: call.path,
      headers: {
        accept: 'application/json, application/problem+json, text/event-stream',
        ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...call.headers,
      },
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

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
