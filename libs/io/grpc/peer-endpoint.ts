import {
  credentials,
  makeClientConstructor,
  Metadata,
  type ClientWritableStream,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  authorizationKey,
  fetchChannelOptions,
  peerChannelOptions,
  peerServiceDefinition,
  regionKey,
  siblingChannelOptions,
} from './peer-definition.js';

export interface EndpointOptions {
  /** `host:port` */
  readonly address: string;
  /** The region that calls, and its token. */
  readonly region: string;
  readonly token: string | undefined;
  readonly use: EndpointUse;
}

/** A process of the own region; one of another region; the same, for nothing but fetching. Each has a connection of its own. */
export type EndpointUse = 'sibling' | 'peer' | 'fetch';

const channelOptions = {
  sibling: siblingChannelOptions,
  peer: peerChannelOptions,
  fetch: fetchChannelOptions,
};

export type Method = 'Fetch' | 'Rights' | 'Forward' | 'Relay' | 'Cursors' | 'Ask';
export type StreamMethod = 'Heartbeats' | 'Acks' | 'Tell';

/** One process of some region, as something to call. Connects at the first call, and again by itself. */
export class PeerEndpoint {
  readonly address: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  #underWay = 0;

  constructor({ address, region, token, use }: EndpointOptions) {
    this.address = address;
    const PeerClient = makeClientConstructor(peerServiceDefinition(), 'Peer');
    this.#client = new PeerClient(address, credentials.createInsecure(), channelOptions[use]);
    this.#metadata.set(regionKey, region);
    if (token !== undefined) this.#metadata.set(authorizationKey, `Bearer ${token}`);
  }

  /** Unary calls that have not been answered. */
  get underWay(): number {
    return this.#underWay;
  }

  /** @throws ServiceError by grpc-js, after `millisMax` at the latest */
  async call<Response>(method: Method, request: object, millisMax: number): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#definition(method);
    this.#underWay += 1;
    try {
      return await new Promise<Response>((resolve, reject) => {
        this.#client.makeUnaryRequest<object, Response>(
          path,
          requestSerialize,
          responseDeserialize as (bytes: Buffer) => Response,
          request,
          this.#metadata,
          { deadline: Date.now() + millisMax },
          (error: ServiceError | null, response) => {
            if (error) reject(error);
            else resolve(response as Response);
          },
        );
      });
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Opens a stream; `ended` is called once, when it is over for whatever reason. */
  openStream(method: StreamMethod, ended: () => void): ClientWritableStream<object> {
    const { path, requestSerialize, responseDeserialize } = this.#definition(method);
    const stream = this.#client.makeClientStreamRequest<object, object>(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => object,
      this.#metadata,
      {}, // no deadline: it lives as long as both ends; pings tell when the other one is gone
      () => ended(),
    );
    stream.on('error', () => undefined);
    return stream;
  }

  close(): void {
    this.#client.close();
  }

  #definition(method: Method | StreamMethod) {
    const definition = peerServiceDefinition()[method];
    if (definition === undefined) throw new Error(`peer.proto has no method ${method}`);
    return definition;
  }
}
