import type { LinkControls } from '../faults/region-link.js';
import { DevStackError } from './errors.js';
import type { RegionPorts } from './ports.js';

/** A server of a region that can be killed and started again. */
export type StackPart = 'postgres' | 'kafka';

/** A region's addresses as plain data. */
export interface RegionDescriptor {
  readonly region: string;
  readonly postgresUrl: string;
  /** `host:port` of the brokers for clients in the region itself. */
  readonly kafkaBrokers: readonly string[];
  /** By peer region: the brokers as that peer sees them, behind the link. */
  readonly kafkaBrokersFrom: Readonly<Record<string, readonly string[]>>;
  /** By peer region: `host:port` of the region's gRPC as that peer sees it, behind the link. */
  readonly grpcFrom: Readonly<Record<string, string>>;
  readonly ports: RegionPorts;
}

/** All that another process needs to use a running stack. Plain data, fit for JSON. */
export interface StackDescriptor {
  readonly portBase: number;
  /** A Unix socket that only the stack's user can open. */
  readonly controlSocket: string;
  readonly logDirectory: string;
  readonly regions: readonly RegionDescriptor[];
}

/** One region of a stack, by its addresses. */
export interface StackRegion {
  readonly region: string;
  readonly postgresUrl: string;
  readonly kafkaBrokers: readonly string[];
  /** This region's brokers as seen from another region: through the link. From itself: direct. */
  kafkaBrokersFrom(otherRegion: string): readonly string[];
  /** This region's gRPC as seen from another region: through the link. From itself: the port planned for it. */
  grpcFrom(otherRegion: string): string;
  readonly ports: RegionPorts;
}

/** A running stack: its addresses, and controls for fault tests. */
export interface DevStack {
  readonly descriptor: StackDescriptor;
  readonly regions: readonly StackRegion[];
  region(name: string): StackRegion;
  /** The link that `from` uses to reach `to`. */
  link(from: string, to: string): LinkControls;
  /** Kills a server by SIGKILL, all its processes at once, and waits until they are gone. */
  kill(region: string, part: StackPart): Promise<void>;
  /** Starts a killed server on the same data and port, and waits until it is ready. A running one is left alone. */
  start(region: string, part: StackPart): Promise<void>;
  /** The process id; undefined while it is not running, and for servers outside the stack. */
  pid(region: string, part: StackPart): Promise<number | undefined>;
  /** Sets the port where the region's gRPC listens, for all links that lead to it. Default: the port planned for it. */
  grpcTarget(region: string, port: number): Promise<void>;
}

/** A stack in the process that started it. */
export interface OwnedDevStack extends DevStack {
  /** Ends every process of the stack and removes its locks and temporary data. May be called more than once. */
  stop(): Promise<void>;
}

/** The addresses of a stack as the descriptor tells them. */
export function regionsOf(descriptor: StackDescriptor): StackRegion[] {
  return descriptor.regions.map((described) => {
    const { region, postgresUrl, kafkaBrokers, ports } = described;
    const seenFrom = <T>(peer: string, byPeer: Readonly<Record<string, T>>, own: T): T => {
      const address = peer === region ? own : byPeer[peer];
      if (address === undefined) throw unknownRegion(peer, descriptor);
      return address;
    };
    return {
      region,
      postgresUrl,
      kafkaBrokers,
      ports,
      kafkaBrokersFrom: (peer) => seenFrom(peer, described.kafkaBrokersFrom, kafkaBrokers),
      grpcFrom: (peer) => seenFrom(peer, described.grpcFrom, `127.0.0.1:${ports.grpc}`),
    };
  });
}

export function findRegion(regions: readonly StackRegion[], name: string, of: StackDescriptor): StackRegion {
  const found = regions.find(({ region }) => region === name);
  if (found === undefined) throw unknownRegion(name, of);
  return found;
}

function unknownRegion(name: string, { regions }: StackDescriptor): DevStackError {
  const known = regions.map(({ region }) => region).join();
  return new DevStackError('not_found', `there is no region "${name}" in this stack, only ${known}`);
}
