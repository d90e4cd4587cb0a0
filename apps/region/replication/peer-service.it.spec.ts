import 'reflect-metadata';
import { createServer, type AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type GrpcOptions } from '@nestjs/microservices';
import type { Server } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { GrpcPeers } from '#io/grpc/grpc-peers.js';
import { tokenAuthentication } from '#io/grpc/peer-authentication.js';
import { peerProtoPath, peerServerOptions, peerServiceDefinition } from '#io/grpc/peer-definition.js';
import { peerService } from '#io/grpc/peer-service.js';

const tokens = new Map([
  ['us', 'token-of-us'],
  ['eu', 'token-of-eu'],
]);

@Module({})
class Application {}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

it("serves peers on the gRPC server that Nest makes for the region's own services", async () => {
  const url = `127.0.0.1:${await freePort()}`;
  const us = new GrpcPeers({
    region: 'us',
    token: tokens.get('us'),
    endpoints: new Map([['eu', ['127.0.0.1:1']]]),
  });
  const numbers: number[] = [];
  us.onHeartbeat(({ number }) => numbers.push(number));
  const service = peerService({
    region: 'us',
    authenticate: tokenAuthentication(tokens),
    heard: us.heard,
    acked: us.acked,
    told: us.told,
    handlers: {
      fetch: () => Promise.resolve([Uint8Array.of(7)]),
      cursors: () => Promise.reject(new Error('not expected to be asked')),
      grantRights: () => Promise.resolve({ kind: 'refused', reason: 'insufficient_rights' }),
      forward: (payload) => Promise.resolve(payload),
      asked: (_region, payload) => Promise.resolve(payload),
      relayed: () => undefined,
    },
  });
  const options: GrpcOptions['options'] = {
    url,
    package: [], // none of Nest's own here
    protoPath: peerProtoPath(),
    channelOptions: peerServerOptions,
    onLoadPackageDefinition: (_definition: unknown, server: Server) =>
      server.addService(peerServiceDefinition(), service),
  };
  const app = await NestFactory.createMicroservice(Application, {
    transport: Transport.GRPC,
    options,
    logger: false,
  });
  await app.listen();

  const eu = new GrpcPeers({ region: 'eu', token: tokens.get('eu'), endpoints: new Map([['us', [url]]]) });
  const request = { shard: 0, actor: 'us~1', from: 1, limit: 1, bytesMax: 1 };
  expect(await eu.fetch('us', request)).toEqual([Buffer.of(7)]);
  const heartbeat = {
    region: 'eu',
    actor: 'eu~1',
    process: 'p',
    echoes: [],
    shards: [],
    policyHashes: new Map(),
  };
  eu.sendHeartbeat('us', { ...heartbeat, number: 5 });
  await expect.poll(() => numbers).toEqual([5]);

  eu.close();
  us.close();
  await app.close();
});
