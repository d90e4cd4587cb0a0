import { status, type ServiceError } from '@grpc/grpc-js';
import { assert } from '#core/assert.js';
import { AtollError, type ErrorCode } from '#core/errors.js';
import type { EventRange } from '#flow/ports/event-log.js';
import {
  PeerUnavailable,
  type Ack,
  type Heartbeat,
  type Peers,
  type ShardCursors,
  type RightsAnswer,
  type RightsRequest,
  type Siblings,
} from '#flow/ports/peers.js';
import { decodeCursors, type CursorsMessage } from '../wire/cursors-codec.js';
import { errorCatalogue } from '../wire/error-catalogue.js';
import { encodeHeartbeat } from '../wire/heartbeat-codec.js';
import { errorCodeKey } from './peer-definition.js';
import { PeerEndpoint, type EndpointUse, type Method } from './peer-endpoint.js';
import { decodeRightsAnswer, encodeRightsRequest, type RightsAnswerMessage } from './rights-messages.js';
import { TellStream } from './tell-stream.js';

export interface GrpcPeersOptions {
  /** The region that calls. */
  readonly region: string;
  /** Its peer token; absent where members trust each other's word (loopback only). */
  readonly token?: string;
  /** `host:port` of the processes of each other region, as seen from here. */
  readonly endpoints: ReadonlyMap<string, readonly string[]>;
  readonly fetchMillisMax?: number;
  readonly rightsMillisMax?: number;
  readonly forwardMillisMax?: number;
}

interface Peer {
  /** Its processes, whoever answered last first. */
  readonly asked: PeerEndpoint[];
  readonly fetchFrom: PeerEndpoint[];
  readonly heartbeatsTo: readonly TellStream[];
  readonly acksTo: readonly TellStream[];
  readonly tellsTo: readonly TellStream[];
}

/** Time limits of calls, in milliseconds. */
const fetchMillisMax = 5000;
/** A granted request commits once and comes back; a link that swallows it must not hold up the next region's turn. */
const rightsMillisMax = 1500;
/** Longer than any command may wait: its own deadline comes first, and says more. */
const forwardMillisMax = 65_000;
const relayMillisMax = 2000;
/** Processes of the own region that are remembered; addresses of past ones must not pile up. */
const siblingsMax = 64;
/** Heartbeats that wait for the connection: a later one says more. */
const heartbeatsWrittenMax = 2;
/** Acks that wait for the connection, about 100 KB: who waits for one that was dropped asks by itself. */
const acksWrittenMax = 2000;
/** Words about strong shards that wait for the connection: what is lost is said again with the next beat. */
const tellsWrittenMax = 2000;
/** Relays to one sibling that may be under way: later heartbeats say the same and more. */
const relaysMax = 4;

/** Other regions and siblings over gRPC. Nothing connects before it is first needed. */
export class GrpcPeers implements Peers, Siblings {
  readonly regions: readonly string[];
  readonly #options: GrpcPeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #siblings = new Map<string, PeerEndpoint>();
  readonly #listeners: ((heartbeat: Heartbeat) => void)[] = [];
  readonly #toldListeners: ((region: string, payload: Uint8Array) => void)[] = [];
  readonly #ackListeners: ((region: string, ack: Ack) => void)[] = [];

  constructor(options: GrpcPeersOptions) {
    assert(!options.endpoints.has(options.region), `${options.region} is no peer of itself`);
    this.#options = options;
    this.regions = [...options.endpoints.keys()];
    for (const [region, addresses] of options.endpoints) {
      assert(addresses.length > 0, `the peer region ${region} has an endpoint`);
      const endpoints = addresses.map((address) => this.#endpoint(address, 'peer'));
      const fetchFrom = addresses.map((address) => this.#endpoint(address, 'fetch'));
      const heartbeatsTo = endpoints.map(
        (endpoint) => new TellStream({ endpoint, method: 'Heartbeats', writtenMax: heartbeatsWrittenMax }),
      );
      const acksTo = endpoints.map(
        (endpoint) => new TellStream({ endpoint, method: 'Acks', writtenMax: acksWrittenMax }),
      );
      const tellsTo = endpoints.map(
        (endpoint) => new TellStream({ endpoint, method: 'Tell', writtenMax: tellsWrittenMax }),
      );
      this.#peers.set(region, { asked: endpoints, fetchFrom, heartbeatsTo, acksTo, tellsTo });
    }
  }

  async fetch(region: string, range: EventRange): Promise<readonly Uint8Array[]> {
    const { events } = await callAny<{ events: readonly Uint8Array[] }>(this.#peer(region).fetchFrom, {
      region,
      method: 'Fetch',
      request: range,
      millisEach: this.#options.fetchMillisMax ?? fetchMillisMax,
    });
    // Copies: one event that is kept must not keep the whole answer.
    return events.map((event) => Buffer.from(event));
  }

  async askRights(region: string, request: RightsRequest): Promise<RightsAnswer> {
    const answer = await callAny<RightsAnswerMessage>(this.#peer(region).asked, {
      region,
      method: 'Rights',
      request: encodeRightsRequest(request),
      millisEach: this.#options.rightsMillisMax ?? rightsMillisMax,
    });
    return decodeRightsAnswer(answer) ?? unreadable(region);
  }

  sendHeartbeat(region: string, heartbeat: Heartbeat): void {
    const message = encodeHeartbeat(heartbeat);
    for (const stream of this.#peer(region).heartbeatsTo) stream.send(message);
  }

  onHeartbeat(handler: (heartbeat: Heartbeat) => void): void {
    this.#listeners.push(handler);
  }

  /** For the serving side (`PeerServiceOptions.heard`): tells all handlers. */
  readonly heard = (heartbeat: Heartbeat): void => {
    for (const listener of this.#listeners) listener(heartbeat);
  };

  /** All processes are asked at once: one that is gone must not cost the others' time. */
  async cursors(region: string, shard: number, millisMax: number): Promise<ShardCursors> {
    const asking = this.#peer(region).asked.map(async (endpoint) => {
      const message = await endpoint.call<CursorsMessage>('Cursors', { shard }, millisMax);
      const cursors = decodeCursors(message, { region, shard });
      if (cursors === undefined) throw new Error(`${region} answered something else than was asked`);
      return cursors;
    });
    try {
      return await Promise.any(asking);
    } catch (error) {
      throw unavailable(region, (error as AggregateError).errors[0]);
    }
  }

  sendAck(region: string, ack: Ack): void {
    for (const stream of this.#peer(region).acksTo) stream.send(ack);
  }

  onAck(handler: (region: string, ack: Ack) => void): void {
    this.#ackListeners.push(handler);
  }

  /** For the serving side (`PeerServiceOptions.acked`): tells all handlers. */
  readonly acked = (region: string, ack: Ack): void => {
    for (const listener of this.#ackListeners) listener(region, ack);
  };

  async ask(region: string, payload: Uint8Array, millisMax: number): Promise<Uint8Array> {
    const answer = await callAny<{ payload: Uint8Array }>(this.#peer(region).asked, {
      region,
      method: 'Ask',
      request: { payload },
      millisEach: millisMax,
      millisMax,
    });
    return Uint8Array.from(answer.payload);
  }

  tell(region: string, payload: Uint8Array): void {
    for (const stream of this.#peer(region).tellsTo) stream.send({ payload });
  }

  onTold(handler: (region: string, payload: Uint8Array) => void): void {
    this.#toldListeners.push(handler);
  }

  /** For the serving side (`PeerServiceOptions.told`): tells all handlers. */
  readonly told = (region: string, payload: Uint8Array): void => {
    for (const listener of this.#toldListeners) listener(region, payload);
  };

  async forward(address: string, payload: Uint8Array): Promise<Uint8Array> {
    const millis = this.#options.forwardMillisMax ?? forwardMillisMax;
    try {
      const answer = await this.#sibling(address).call<{ payload: Uint8Array }>(
        'Forward',
        { payload },
        millis,
      );
      return Uint8Array.from(answer.payload);
    } catch (error) {
      throw toldError(error) ?? unavailable(address, error);
    }
  }

  relayHeartbeat(address: string, heartbeat: Heartbeat): void {
    const sibling = this.#sibling(address);
    if (sibling.underWay >= relaysMax) return;
    sibling.call('Relay', encodeHeartbeat(heartbeat), relayMillisMax).catch(() => undefined);
  }

  close(): void {
    for (const { asked, fetchFrom, heartbeatsTo, acksTo, tellsTo } of this.#peers.values()) {
      for (const stream of [...heartbeatsTo, ...acksTo, ...tellsTo]) stream.close();
      for (const endpoint of [...asked, ...fetchFrom]) endpoint.close();
    }
    for (const sibling of this.#siblings.values()) sibling.close();
    this.#siblings.clear();
  }

  #peer(region: string): Peer {
    const peer = this.#peers.get(region);
    assert(peer !== undefined, `${region} is a peer region`);
    return peer;
  }

  #sibling(address: string): PeerEndpoint {
    let sibling = this.#siblings.get(address);
    this.#siblings.delete(address); // and put in again, as the one last used
    sibling ??= this.#endpoint(address, 'sibling');
    this.#siblings.set(address, sibling);
    const [oldest] = this.#siblings;
    if (this.#siblings.size > siblingsMax && oldest !== undefined && oldest[1].underWay === 0) {
      this.#siblings.delete(oldest[0]);
      oldest[1].close();
    }
    return sibling;
  }

  #endpoint(address: string, use: EndpointUse): PeerEndpoint {
    const { region, token } = this.#options;
    return new PeerEndpoint({ address, region, token, use });
  }
}

interface AnyCall {
  readonly region: string;
  readonly method: Method;
  readonly request: object;
  /** How long one process may take, and all of them. In milliseconds. */
  readonly millisEach: number;
  readonly millisMax?: number;
}

/** The answer of the first process of the region that gives one: it is asked first the next time. @throws PeerUnavailable */
async function callAny<Answer>(
  endpoints: PeerEndpoint[],
  { region, method, request, millisEach, millisMax = Infinity }: AnyCall,
): Promise<Answer> {
  const deadline = performance.now() + millisMax;
  let failure: unknown = new Error('no answer in time');
  for (const endpoint of [...endpoints]) {
    const left = Math.min(millisEach, deadline - performance.now());
    if (left <= 0) break;
    try {
      const answer = await endpoint.call<Answer>(method, request, left);
      endpoints.sort((a, b) => Number(b === endpoint) - Number(a === endpoint));
      return answer;
    } catch (error) {
      failure = error;
    }
  }
  throw unavailable(region, failure);
}

/** What a handler meant to be told; anything else is a failure to answer. */
function toldError(error: unknown): AtollError | undefined {
  const { details, metadata } = error as ServiceError;
  const [code] = metadata?.get(errorCodeKey) ?? [];
  if (typeof code !== 'string' || !Object.hasOwn(errorCatalogue, code)) return undefined;
  return new AtollError(code as ErrorCode, details);
}

function unreadable(region: string): never {
  throw new PeerUnavailable(`${region} answered what cannot be read`);
}

function unavailable(what: string, cause: unknown): PeerUnavailable {
  const { code, details } = cause as ServiceError;
  const name = code === undefined ? String(cause) : `${status[code]} ${details}`;
  return new PeerUnavailable(`${what}: ${name}`, { cause });
}
