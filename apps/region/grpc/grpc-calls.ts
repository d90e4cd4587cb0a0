import { randomUUID } from 'node:crypto';
import { type Metadata, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { AtollError } from '#core/errors.js';
import type { BearerTokens, Role } from '#io/http/bearer-tokens.js';
import { endingAhead, readCall, refuseUntaken, type Call } from '#io/http/call.js';
import { answerAheadMillis, handlingGraceMillis } from '#io/http/limits.js';
import type { Answer } from '../api/answer.js';
import { asAtollError, type Report } from '../api/as-atoll-error.js';
import { answerMetadata, grpcStatusOf } from './grpc-status.js';
import { levelReadingMethods, writingMethods } from './methods.js';

function takenBy(path: string): { readonly level: boolean; readonly acks: boolean } {
  const method = path.slice(path.lastIndexOf('/') + 1);
  return { level: levelReadingMethods.has(method), acks: writingMethods.has(method) };
}

export type AnyCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** What headers are to HTTP, metadata is to gRPC: the same names, the same rules, the same errors. */
export class GrpcCalls {
  constructor(
    private readonly region: string,
    private readonly tokens: BearerTokens,
    private readonly report: Report,
  ) {}

  /** Answers one call; everything thrown becomes a rich status. */
  async unary<Body>(
    needed: Role,
    metadata: Metadata,
    call: AnyCall,
    work: (call: Call) => Promise<Answer<Body>>,
  ): Promise<Body> {
    const requestId = randomUUID();
    try {
      const admitted = this.admit(needed, metadata, call, requestId);
      const { body, version, session, stalenessMs } = await within(
        work(admitted),
        admitted.maxWaitMillis + handlingGraceMillis,
      );
      const initial = this.initialMetadata(requestId, version, session);
      if (stalenessMs !== undefined) initial.set('atoll-staleness-ms', String(stalenessMs));
      call.sendMetadata(initial);
      return body;
    } catch (thrown) {
      throw this.exceptionOf(thrown, requestId);
    }
  }

  /** @throws AtollError */
  admit(needed: Role, metadata: Metadata, call: AnyCall, requestId: string): Call {
    const header = (name: string): string | undefined => textOf(metadata, name);
    const caller = this.tokens.identify(header('authorization'));
    this.tokens.allow(caller, needed);
    const names = Object.keys(metadata.getMap());
    const asked = readCall({ requestId, caller, names, header, remainingMillis: remainingOf(call) });
    refuseUntaken(asked, takenBy(call.getPath()));
    return asked;
  }

  exceptionOf(thrown: unknown, requestId: string): RpcException {
    const { code, details, metadata } = grpcStatusOf(
      asAtollError(thrown, this.report),
      this.region,
      requestId,
    );
    return new RpcException({ code, message: details, details, metadata });
  }

  initialMetadata(requestId: string, version?: string, session?: string): Metadata {
    const metadata = answerMetadata(this.region, requestId);
    if (version !== undefined) metadata.set('etag', `"${version}"`);
    if (session !== undefined) metadata.set('atoll-session', session);
    return metadata;
  }
}

/** What is left of a call's own deadline, but for the time that a typed answer needs to be there before it. */
function remainingOf(call: AnyCall): number | undefined {
  const deadline = Number(call.getDeadline());
  if (!Number.isFinite(deadline)) return undefined;
  return endingAhead(deadline - Date.now(), answerAheadMillis);
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const values = metadata.get(name).filter((value) => typeof value === 'string');
  return values.length === 0 ? undefined : values.join(', ');
}

function within<T>(work: Promise<T>, millis: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): AtollError =>
      new AtollError('deadline_exceeded', 'The answer did not come within the wait that was allowed.');
    const timer = setTimeout(() => reject(late()), millis);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
