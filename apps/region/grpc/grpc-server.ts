import { join } from 'node:path';
import type { ChannelOptions, Server, ServerOptions, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { Transport, type GrpcOptions } from '@nestjs/microservices';
import type { Admission } from '#flow/accept/admission.js';
import { headerBytesMax } from '#io/http/limits.js';
import { peerServerOptions } from '#io/grpc/peer-definition.js';
import { protoRoot } from '#io/grpc/proto-path.js';
import { widenReceiveWindows } from '#io/grpc/receive-windows.js';
import { admitting } from './admitting.js';
import { richRefusals } from './grpc-refusals.js';
import { healthService } from './health-service.js';

/** 64-bit numbers as strings: not all of them fit a JavaScript number, and clients must not guess which. */
export const atollLoaderOptions: Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
  includeDirs: [protoRoot()],
};

export function atollProtoPaths(): string[] {
  return ['atoll/v1/atoll.proto', 'grpc/health/v1/health.proto'].map((path) => join(protoRoot(), path));
}

export interface GrpcServerOptions {
  /** `host:port` */
  readonly address: string;
  readonly region: string;
  readonly admission: Admission;
  readonly isReady: () => Promise<boolean>;
  /** Adds what is not for clients: the peer service. Absent: there are no peers. */
  readonly addServices?: (server: Server) => void;
}

/** Nest's gRPC server for `atoll.v1`, with health and reflection, and whatever else shares the port. */
export function grpcServerOptions(options: GrpcServerOptions): GrpcOptions {
  const { address, region, admission, isReady, addServices } = options;
  // Nest hands these to grpc-js as they are. The first one sees what gRPC itself says of a call.
  const interceptors = [richRefusals(region), admitting(admission, region)];
  const serverOptions: ServerOptions = { ...peerServerOptions, interceptors };
  widenReceiveWindows();
  const packageDefinition = loadSync(atollProtoPaths(), atollLoaderOptions);
  return {
    transport: Transport.GRPC,
    options: {
      package: 'atoll.v1',
      packageDefinition,
      url: address,
      maxMetadataSize: headerBytesMax,
      channelOptions: serverOptions as ChannelOptions,
      onLoadPackageDefinition: (definition: PackageDefinition, server: Server) => {
        new ReflectionService(definition).addToServer(server);
        server.addService(
          definition['grpc.health.v1.Health'] as ServiceDefinition,
          healthService(['atoll.v1.Atoll'], isReady),
        );
        addServices?.(server);
      },
    },
  };
}
