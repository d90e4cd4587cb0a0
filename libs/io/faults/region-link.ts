import { Lane, type Direction, type LaneDelay } from './lane.js';
import type { Address, Lanes } from './link-connection.js';
import { startLinkProxy, type CutMode, type LinkProxy } from './link-proxy.js';

/** What a link is like now. */
export interface LinkStatus {
  readonly from: string;
  readonly to: string;
  readonly cut?: { readonly direction: Direction | 'both'; readonly mode: CutMode };
  readonly delayMillis: Readonly<Record<Direction, Required<LaneDelay>>>;
  readonly bytesPerSecond?: number;
  readonly connections: number;
  /** Bytes under way or held, both directions together. */
  readonly queuedBytes: number;
  /** Bytes handed over since the start. */
  readonly bytes: { readonly forward: number; readonly back: number };
}

/** What can be done to a link while it carries traffic. */
export interface LinkControls {
  readonly from: string;
  readonly to: string;
  /** Sets the delay of both directions, or of one. Counts for what is sent from now on. */
  setDelay(delay: LaneDelay & { readonly direction?: Direction }): Promise<void>;
  /** Limits each direction to so many bytes per second, over all its connections; undefined lifts the limit. */
  setBandwidth(bytesPerSecond: number | undefined): Promise<void>;
  /**
   * Cuts the link, in one direction or both. Bytes of a cut direction no longer arrive; new connections wait.
   * A second cut replaces the first. With mode `reset` present and new connections are reset, in both directions.
   */
  cut(direction?: Direction | 'both', options?: { readonly mode?: CutMode }): Promise<void>;
  /** Ends a cut: held bytes arrive; connections that lost bytes are reset. */
  heal(): Promise<void>;
  /** Resets the present connections, as when a router in between restarts; new ones work. */
  reset(): Promise<void>;
  status(): Promise<LinkStatus>;
}

/** A link between two regions that runs in this process. */
export interface RegionLink extends LinkControls {
  setGrpcTarget(target: Address): void;
  close(): Promise<void>;
}

export interface RegionLinkOptions {
  readonly from: string;
  readonly to: string;
  readonly kafka: { readonly port: number; readonly target: Address };
  readonly grpc: { readonly port: number; readonly target: Address };
  readonly delay: LaneDelay;
}

/** Starts what region `from` uses to reach region `to`: one port for Kafka and one for gRPC, behind the same lanes. */
export async function startRegionLink(options: RegionLinkOptions): Promise<RegionLink> {
  const { from, to } = options;
  const lanes = { forward: new Lane(), back: new Lane() };
  lanes.forward.setDelay(options.delay);
  lanes.back.setDelay(options.delay);
  let cut: LinkStatus['cut'];
  const refuses = (): boolean => cut?.mode === 'reset';
  const proxies: LinkProxy[] = [];
  try {
    proxies.push(await startLinkProxy({ ...options.kafka, lanes, refuses }));
    proxies.push(await startLinkProxy({ ...options.grpc, lanes, refuses }));
  } catch (error) {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    throw error;
  }
  const setCut = (next: LinkStatus['cut']): void => {
    cut = next;
    const of = (direction: Direction) => {
      const hit = next?.direction === 'both' || next?.direction === direction;
      return hit && next.mode !== 'reset' ? next.mode : undefined;
    };
    lanes.forward.setCut(of('from-to'));
    lanes.back.setCut(of('to-from'));
    for (const proxy of proxies) {
      if (next?.mode === 'reset') proxy.reset();
      // Also a cut that replaces another may heal one direction.
      proxy.laneHealed();
      proxy.laneCut();
    }
  };

  return {
    from,
    to,
    async setDelay({ direction, ...delay }) {
      if (direction !== 'to-from') lanes.forward.setDelay(delay);
      if (direction !== 'from-to') lanes.back.setDelay(delay);
    },
    async setBandwidth(bytesPerSecond) {
      lanes.forward.setBandwidth(bytesPerSecond);
      lanes.back.setBandwidth(bytesPerSecond);
    },
    async cut(direction = 'both', { mode = 'blackhole' } = {}) {
      setCut({ direction, mode });
    },
    async heal() {
      setCut(undefined);
    },
    async reset() {
      for (const proxy of proxies) proxy.reset();
    },
    status: async () => ({ from, to, cut, ...measure(lanes, proxies) }),
    setGrpcTarget: (target) => proxies[1]?.setTarget(target),
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

function measure(lanes: Lanes, proxies: readonly LinkProxy[]): Omit<LinkStatus, 'from' | 'to' | 'cut'> {
  const sum = (of: (proxy: LinkProxy) => number): number =>
    proxies.reduce((total, proxy) => total + of(proxy), 0);
  return {
    delayMillis: { 'from-to': lanes.forward.delay, 'to-from': lanes.back.delay },
    bytesPerSecond: lanes.forward.bytesPerSecond,
    connections: sum((proxy) => proxy.connectionCount()),
    queuedBytes: sum((proxy) => proxy.queuedBytes()),
    bytes: {
      forward: sum((proxy) => proxy.bytes().forward),
      back: sum((proxy) => proxy.bytes().back),
    },
  };
}
