import { randomUUID } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { AtollError } from '#core/errors.js';
import type { Admission, Ticket } from '#flow/accept/admission.js';
import { messageBytesMax } from '#io/http/limits.js';
import { grpcStatusOf } from './grpc-status.js';
import { callKindOf } from './methods.js';

/** The stream of a call: a property that grpc-js does not publish. */
interface Incoming {
  readonly stream?: ServerHttp2Stream;
}

/**
 * Lets calls of clients in through the same door as HTTP requests. A call is refused when its headers are there, or as soon as
 * what has come of its body is too much: nothing of it is decoded then, and no handler hears of it.
 */
export function admitting(admission: Admission, region: string): ServerInterceptor {
  return (method, call) => {
    const kind = callKindOf(method.path);
    if (kind === undefined) return new ServerInterceptingCall(call);
    let ticket: Ticket | undefined;
    let isRefused = false;
    const refuse = (error: unknown): void => {
      if (!(error instanceof AtollError)) throw error;
      ticket?.leave();
      if (isRefused) return;
      isRefused = true;
      call.sendStatus(grpcStatusOf(error, region, randomUUID()));
    };
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata(metadata, pass) {
            try {
              ticket = admission.enter(kind);
            } catch (error) {
              refuse(error);
              return;
            }
            chargeBody(call, ticket, refuse);
            pass(metadata);
          },
          onReceiveMessage(message, pass) {
            ticket?.arrived();
            pass(message);
          },
          // Also after the call was answered.
          onCancel: () => ticket?.leave(),
        });
      },
    });
  };
}

/** Counts a body as it comes, before grpc-js puts its message together. */
function chargeBody(
  call: ServerInterceptingCallInterface,
  ticket: Ticket,
  refuse: (error: unknown) => void,
): void {
  let bytes = 0;
  (call as Incoming).stream?.prependListener('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
    try {
      if (bytes > messageBytesMax)
        throw new AtollError('too_large', `A request may have ${messageBytesMax} bytes.`);
      ticket.charge(chunk.length);
    } catch (error) {
      refuse(error);
    }
  });
}
