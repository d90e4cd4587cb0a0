import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { regionOf } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { PeerHandlers } from '#flow/ports/peer-handlers.js';
import type { EventRange } from '#flow/ports/event-log.js';
import type { Ack, Heartbeat } from '#flow/ports/peers.js';
import { decodeAck, encodeCursors } from '../wire/cursors-codec.js';
import { errorCatalogue } from '../wire/error-catalogue.js';
import { grpcStatusNumbers } from '../wire/error-entry.js';
import { decodeHeartbeat, type HeartbeatMessage } from '../wire/heartbeat-codec.js';
import type { Authenticate } from './peer-authentication.js';
import { decodeRightsRequest, encodeRightsAnswer, type RightsRequestMessage } from './rights-messages.js';
import {
  errorCodeKey,
  peerMessageBytesMax,
  peerServerOptions,
  peerServiceDefinition,
} from './peer-definition.js';
import { widenReceiveWindows } from './receive-windows.js';

export interface PeerServiceOptions {
  /** The region that serves: siblings must be of it. */
  readonly region: string;
  readonly authenticate: Authenticate;
  readonly handlers: PeerHandlers;
  /** Called with every heartbeat of a peer region. */
  readonly heard: (heartbeat: Heartbeat) => void;
  /** Called with every ack of a peer region. */
  readonly acked: (region: string, ack: Ack) => void;
  /** Called with everything that a peer region says of strong shards. */
  readonly told: (region: string, payload: Uint8Array) => void;
  /** Told about calls that were refused, with the reason; their callers learn less. */
  readonly refused?: (reason: string) => void;
}

interface Bytes {
  readonly payload: Uint8Array;
}

/** Room for the envelope of a response that is filled with events. */
const envelopeBytes = 64 * 1024;

/**
 * The service `atoll.peer.v1.Peer` as grpc-js takes it: `server.addService(peerServiceDefinition(), peerService(...))`.
 *
 * Nest's gRPC server hands its grpc-js server to the option `onLoadPackageDefinition(definition, server)` before it adds
 * its own services, which is where apps/region adds this one (as reflection and health are added): the streams then keep
 * grpc-js's own backpressure, and no controller, interceptor or rxjs lies between a heartbeat and the repairer.
 */
export function peerService(options: PeerServiceOptions): UntypedServiceImplementation {
  const { handlers, region } = options;
  const sibling = (caller: string): boolean => caller === region;
  const anyMember = (): boolean => true;
  return {
    fetch: unary(options, anyMember, async (request: EventRange) => {
      if (!isFetch(request))
        throw new AtollError('invalid_request', 'a fetch names an actor and begins at a seq from 1');
      return { events: cut(await handlers.fetch(request)) };
    }),
    cursors: unary(options, anyMember, async ({ shard }: { readonly shard: number }) =>
      encodeCursors(shard, await handlers.cursors(shard)),
    ),
    rights: unary(options, anyMember, async (message: RightsRequestMessage, caller) => {
      const request = decodeRightsRequest(message);
      if (request === undefined || regionOf(request.to) !== caller)
        throw new AtollError('invalid_request', 'this is no request for rights of the calling region');
      return encodeRightsAnswer(await handlers.grantRights(request));
    }),
    ask: unary(options, anyMember, async ({ payload }: Bytes, caller) => ({
      payload: await handlers.asked(caller, payload),
    })),
    tell: toldBy(options, 'words', (caller, { payload }: Bytes) => {
      options.told(caller, Uint8Array.from(payload));
      return true;
    }),
    forward: unary(options, sibling, async ({ payload }: Bytes) => ({
      payload: await handlers.forward(payload),
    })),
    relay: unary(options, sibling, (message: HeartbeatMessage) => {
      const heartbeat = decodeHeartbeat(message);
      if (heartbeat === undefined)
        return Promise.reject(new AtollError('invalid_request', 'this is no heartbeat'));
      handlers.relayed(heartbeat);
      return Promise.resolve({});
    }),
    heartbeats: toldBy(options, 'heartbeats', (caller, message: HeartbeatMessage) => {
      const heartbeat = decodeHeartbeat(message);
      if (heartbeat?.region !== caller) return false;
      options.heard(heartbeat);
      return true;
    }),
    acks: toldBy(options, 'acks', (caller, message: Ack) => {
      const ack = decodeAck(message, region);
      if (ack === undefined) return false;
      options.acked(caller, ack);
      return true;
    }),
  };
}

export interface PeerServer {
  /** `host:port`, with the port that was bound. */
  readonly address: string;
  /** Ends all calls at once. */
  close(): void;
}

/** A server of the peer service alone, for tests and tools. @throws Error when the address cannot be bound */
export async function startPeerServer(address: string, options: PeerServiceOptions): Promise<PeerServer> {
  widenReceiveWindows();
  const server = new Server(peerServerOptions);
  server.addService(peerServiceDefinition(), peerService(options));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return { address: address.replace(/:\d+$/, `:${port}`), close: () => server.forceShutdown() };
}

function unary<Request, Response>(
  { authenticate, refused }: PeerServiceOptions,
  allowed: (caller: string) => boolean,
  answer: (request: Request, caller: string) => Promise<Response>,
) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    const caller = authenticate(call.metadata);
    const refusal = refusalOf(caller, caller !== undefined && allowed(caller));
    if (refusal !== undefined || caller === undefined) {
      refused?.(`${call.getPath()} from ${caller ?? call.getPeer()}: ${refusal?.details}`);
      return callback(refusal ?? null);
    }
    answer(call.request, caller).then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusOf(error)),
    );
  };
}

/** A stream of a peer region's messages; `take` answers whether the message is one that this caller may send. */
function toldBy<Message>(
  { authenticate, region, refused }: PeerServiceOptions,
  what: string,
  take: (caller: string, message: Message) => boolean,
) {
  return (call: ServerReadableStream<Message, object>, callback: sendUnaryData<object>): void => {
    const caller = authenticate(call.metadata);
    let ended = false;
    const end = (error: Partial<ServiceError> | null): void => {
      if (ended) return;
      ended = true;
      if (error) refused?.(`${what} from ${caller ?? call.getPeer()}: ${error.details}`);
      callback(error, {});
    };
    // The caller is gone, or says so; it opens another stream when it is back.
    for (const event of ['error', 'cancelled', 'end']) call.on(event, () => end(null));
    const refusal = refusalOf(caller, caller !== region);
    if (refusal !== undefined) return end(refusal);
    call.on('data', (message: Message) => {
      if (ended || (caller !== undefined && take(caller, message))) return;
      end({ code: status.INVALID_ARGUMENT, details: `these are no ${what} of the calling region` });
    });
  };
}

function refusalOf(caller: string | undefined, allowed: boolean): Partial<ServiceError> | undefined {
  if (caller === undefined)
    return { code: status.UNAUTHENTICATED, details: 'the caller is not proven to be a member' };
  return allowed ? undefined : { code: status.PERMISSION_DENIED, details: 'not for callers of this region' };
}

function statusOf(error: unknown): Partial<ServiceError> {
  if (!(error instanceof AtollError)) return { code: status.INTERNAL, details: 'the handler failed' };
  const metadata = new Metadata();
  metadata.set(errorCodeKey, error.code);
  return { code: grpcStatusNumbers[errorCatalogue[error.code].grpcStatus], details: error.message, metadata };
}

function isFetch({ actor, from, limit, bytesMax }: EventRange): boolean {
  return actor !== '' && Number.isSafeInteger(from) && from >= 1 && limit >= 1 && bytesMax >= 1;
}

/** As many events as a message holds, whatever the handler thought of its limit. */
function cut(events: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = envelopeBytes;
  const end = events.findIndex((event) => (bytes += event.byteLength + 8) > peerMessageBytesMax);
  return end < 0 ? events : events.slice(0, end);
}
