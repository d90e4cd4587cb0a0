import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { credentials, makeClientConstructor, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerHandlers } from '#flow/ports/peer-handlers.js';
import { PeerUnavailable, type Heartbeat } from '#flow/ports/peers.js';
import type { Member, PeersLab } from '#kit/contracts/peers-bench.js';
import { peersContract } from '#kit/contracts/peers.contract.js';
import { startRegionLink, type RegionLink } from '../faults/region-link.js';
import { encodeHeartbeat } from '../wire/heartbeat-codec.js';
import { GrpcPeers } from './grpc-peers.js';
import { tokenAuthentication } from './peer-authentication.js';
import { peerMessageBytesMax, peerServiceDefinition } from './peer-definition.js';
import { startPeerServer, type PeerServer } from './peer-service.js';

const regions = ['us', 'eu', 'ap'] as const;
const tokens = new Map(regions.map((region) => [region as string, `token-of-${region}-0123456789`]));
const fetchMillisMax = 1500;

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

interface GrpcLab extends PeersLab {
  /** As `join`, but with other words to the peers than the true ones, or another way to them. */
  joinAs(
    region: string,
    place: 0 | 1,
    handlers: PeerHandlers,
    changes: { readonly token?: string; readonly endpoints?: ReadonlyMap<string, readonly string[]> },
  ): Promise<Member & { readonly server: PeerServer; readonly peers: GrpcPeers }>;
  readonly refusals: string[];
}

async function openLab(): Promise<GrpcLab> {
  const ports = await freePorts(regions.length * 2);
  const address = (region: string, place: number): string =>
    `127.0.0.1:${ports[regions.findIndex((known) => known === region) * 2 + place]}`;
  const all = new Map<string, readonly string[]>(
    regions.map((region) => [region, [address(region, 0), address(region, 1)]]),
  );
  const closers: (() => void)[] = [];
  const refusals: string[] = [];
  const joinAs: GrpcLab['joinAs'] = async (region, place, handlers, changes) => {
    const endpoints = new Map(changes.endpoints ?? all);
    endpoints.delete(region);
    const token = changes.token ?? tokens.get(region);
    const peers = new GrpcPeers({ region, endpoints, token, fetchMillisMax, forwardMillisMax: 3000 });
    const server = await startPeerServer(address(region, place), {
      region,
      authenticate: tokenAuthentication(tokens),
      handlers,
      heard: peers.heard,
      acked: peers.acked,
      told: peers.told,
      refused: (reason) => refusals.push(reason),
    });
    const end = (): void => {
      peers.close();
      server.close();
    };
    closers.push(end);
    return { peers, server, crash: () => Promise.resolve(end()) };
  };
  return {
    refusals,
    joinAs,
    join: (region, place, handlers) => joinAs(region, place, handlers, {}),
    address,
    callMillisMax: 2 * fetchMillisMax + 500,
    run: (work) => work,
    async until(condition, _what, meanwhile) {
      while (!condition()) {
        meanwhile?.();
        await pause(5);
      }
    },
    elapsedMillis: () => performance.now(),
    close: () => Promise.resolve(closers.forEach((close) => close())),
  };
}

peersContract('over gRPC', openLab);

const handlers: PeerHandlers = {
  fetch: () => Promise.resolve([Uint8Array.of(1)]),
  cursors: () => Promise.reject(new Error('not expected to be asked')),
  grantRights: () => Promise.resolve({ kind: 'granted', dot: { actor: 'us~1', seq: 1 } }),
  forward: (payload) => Promise.resolve(payload),
  asked: (_region, payload) => Promise.resolve(payload),
  relayed: () => undefined,
};
const request = { shard: 0, actor: 'us~1', from: 1, limit: 1, bytesMax: 1 };

function heartbeatOf(region: string, number: number): Heartbeat {
  const shards = [{ shard: 0, stored: new Map(), folded: new Map(), lastSeq: 0 }];
  return { region, actor: `${region}~1`, process: 'p', number, echoes: [], shards, policyHashes: new Map() };
}

/** A call with any metadata and any message, as anybody with access to the port can make it. */
function callAs(address: string, method: string, message: object, metadata: Metadata): Promise<unknown> {
  const definition = peerServiceDefinition()[method]!;
  const Client = makeClientConstructor(peerServiceDefinition(), 'Peer');
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
  const { path, requestSerialize, responseDeserialize } = definition;
  return new Promise<unknown>((resolve) => {
    const answer = (error: ServiceError | null, response?: unknown): void => resolve(error ?? response);
    if (definition.requestStream) {
      const stream = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        answer,
      );
      stream.write(message);
    } else {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, answer);
    }
  }).finally(() => client.close());
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

describe('peers over gRPC', () => {
  let lab: GrpcLab;
  beforeEach(async () => void (lab = await openLab()));
  afterEach(() => lab.close());

  const proven = (region: string): Record<string, string> => {
    return { 'atoll-region': region, authorization: `Bearer ${tokens.get(region)}` };
  };

  it('serves only callers that prove to be a member', async () => {
    await lab.join('us', 0, handlers);
    const address = lab.address('us', 0);
    const claims: Record<string, string>[] = [
      {},
      { 'atoll-region': 'eu' },
      { 'atoll-region': 'eu', authorization: 'Bearer wrong' },
      { 'atoll-region': 'eu', authorization: `Bearer ${tokens.get('ap')}` },
      { 'atoll-region': 'nowhere', authorization: `Bearer ${tokens.get('eu')}` },
      { authorization: `Bearer ${tokens.get('eu')}` },
    ];
    for (const claim of claims) {
      expect(await callAs(address, 'Fetch', request, metadataOf(claim))).toMatchObject({ code: 16 });
      expect(await callAs(address, 'Heartbeats', {}, metadataOf(claim))).toMatchObject({ code: 16 });
      expect(await callAs(address, 'Forward', { payload: Buffer.of(1) }, metadataOf(claim))).toMatchObject({
        code: 16,
      });
    }
    expect(await callAs(address, 'Fetch', request, metadataOf(proven('eu')))).toMatchObject({
      events: [Buffer.of(1)],
    });
    expect(lab.refusals.length).toBe(claims.length * 3);
  });

  it('forwards and relays for its own region only', async () => {
    await lab.join('us', 0, handlers);
    const address = lab.address('us', 0);
    const told = encodeHeartbeat(heartbeatOf('eu', 1));
    expect(
      await callAs(address, 'Forward', { payload: Buffer.of(1) }, metadataOf(proven('eu'))),
    ).toMatchObject({ code: 7 });
    expect(await callAs(address, 'Relay', told, metadataOf(proven('eu')))).toMatchObject({ code: 7 });
    expect(await callAs(address, 'Relay', told, metadataOf(proven('us')))).toEqual({});
  });

  it('hears no heartbeat in the name of another region, and none that is malformed', async () => {
    const us = await lab.join('us', 0, handlers);
    const heard: Heartbeat[] = [];
    us.peers.onHeartbeat((heartbeat) => heard.push(heartbeat));
    const good = encodeHeartbeat(heartbeatOf('eu', 1));
    const bad: object[] = [
      encodeHeartbeat(heartbeatOf('ap', 1)),
      { ...good, actor: 'ap~1' },
      { ...good, number: -1 },
      { ...good, shards: [{ shard: 0, lastSeq: 1, cursors: [{ actor: 5, stored: 1, folded: 1 }] }] },
      { ...good, shards: [{ shard: 0, lastSeq: 2 ** 60, cursors: [] }] },
      {},
    ];
    for (const message of bad) {
      const answer = await callAs(lab.address('us', 0), 'Heartbeats', message, metadataOf(proven('eu')));
      expect(answer).toMatchObject({ code: 3 });
    }
    expect(heard).toEqual([]);
  });

  it('refuses a message that is too large, and a fetch that makes no sense', async () => {
    await lab.join('us', 0, handlers);
    const address = lab.address('us', 0);
    const huge = { payload: Buffer.alloc(peerMessageBytesMax + 1) };
    expect(await callAs(address, 'Forward', huge, metadataOf(proven('us')))).toMatchObject({ code: 8 });
    for (const change of [{ actor: '' }, { from: 0 }, { from: 2 ** 60 }, { limit: 0 }, { bytesMax: 0 }]) {
      const answer = await callAs(address, 'Fetch', { ...request, ...change }, metadataOf(proven('eu')));
      expect(answer).toMatchObject({ code: 3 });
    }
  });

  it('goes on where both ends have more to send than their sockets hold', async () => {
    await lab.join('eu', 1, handlers);
    const eu = await lab.join('eu', 0, handlers);
    const payload = Buffer.alloc(32 * 1024, 7);
    const caller = async (): Promise<void> => {
      for (let call = 0; call < 10; call += 1)
        expect(await eu.peers.forward(lab.address('eu', 1), payload)).toHaveLength(payload.length);
    };
    await Promise.all(Array.from({ length: 400 }, caller));
  });

  it('sends no more events than a message holds, whatever the handler gives', async () => {
    const large = Uint8Array.from({ length: 3 * 1024 * 1024 }, (_, i) => i & 0xff);
    await lab.join('us', 0, {
      ...handlers,
      fetch: () => Promise.resolve(Array.from({ length: 8 }, () => large)),
    });
    const eu = await lab.join('eu', 0, handlers);
    const events = await eu.peers.fetch('us', request);
    expect(events.length).toBe(5);
    expect(events.every((event) => Buffer.compare(event, large) === 0)).toBe(true);
  });
});

describe('peers behind a link', () => {
  let lab: GrpcLab;
  let link: RegionLink;

  beforeEach(async () => {
    lab = await openLab();
    const [kafka, grpc] = await freePorts(2);
    const target = { host: '127.0.0.1', port: Number(lab.address('us', 0).split(':')[1]) };
    link = await startRegionLink({
      from: 'eu',
      to: 'us',
      kafka: { port: kafka!, target },
      grpc: { port: grpc!, target },
      delay: { oneWayMillis: 20 },
    });
    endpoints = new Map([['us', [`127.0.0.1:${grpc}`]]]);
  });
  let endpoints: ReadonlyMap<string, readonly string[]>;
  afterEach(async () => {
    await lab.close();
    await link.close();
  });

  it('fetches over a connection of its own: what answers a question does not stand behind a backlog', async () => {
    const eu = await lab.joinAs('eu', 0, handlers, { endpoints });
    await lab.join('us', 0, handlers);
    expect(await eu.peers.ask('us', Uint8Array.of(7), 2000)).toEqual(Uint8Array.of(7));
    expect((await link.status()).connections).toBe(1);
    expect(await eu.peers.fetch('us', request)).toEqual([Buffer.of(1)]);
    expect((await link.status()).connections).toBe(2);
  });

  it('notices within seconds that a link swallows everything, and goes on soon after it heals', async () => {
    const eu = await lab.joinAs('eu', 0, handlers, { endpoints });
    const us = await lab.join('us', 0, handlers);
    let lastHeard = 0;
    us.peers.onHeartbeat(({ number }) => (lastHeard = number));
    let number = 0;
    const send = (): void => eu.peers.sendHeartbeat('us', heartbeatOf('eu', ++number));
    await lab.until(() => lastHeard > 0, 'the first is heard', send);

    await link.cut();
    const cutAt = performance.now();
    await expect(eu.peers.fetch('us', request)).rejects.toBeInstanceOf(PeerUnavailable);
    expect(performance.now() - cutAt).toBeLessThan(fetchMillisMax + 500);
    const beforeHeal = number;
    await lab.until(() => number > beforeHeal + 1000, 'many are sent into the void', send);

    await link.heal();
    const healedAt = performance.now();
    const goal = number + 1;
    await lab.until(() => lastHeard >= goal, 'a new one is heard', send);
    expect(performance.now() - healedAt).toBeLessThan(5000);
    expect(await eu.peers.fetch('us', request)).toEqual([Buffer.of(1)]);
  });
});
