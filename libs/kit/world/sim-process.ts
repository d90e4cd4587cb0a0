import type { EntityTypes } from '#core/merge/entity-type.js';
import { limitsDefault, type Limits, type Timing } from '#flow/limits.js';
import type { Ack } from '#flow/ports/peers.js';
import type { IncomingRecord, Subscription, Transport } from '#flow/ports/transport.js';
import { createRegionProcess, type RegionProcess } from '#flow/region-process.js';
import { kitAuth, kitHashing } from '../memory/memory-auth.js';
import type { MemoryClusters } from '../memory/memory-clusters.js';
import type { MemoryNetwork, MemoryPeers } from '../memory/memory-peers.js';
import type { MemoryTelemetry } from '../memory/memory-telemetry.js';
import { MemoryTransport } from '../memory/memory-transport.js';
import { SimLog, type SimDatabase } from './sim-log.js';
import type { SimClock } from './sim-clock.js';
import { SimLife } from './sim-life.js';

/** The simulated network as one process meets it. */
class SimTransport implements Transport {
  constructor(
    private readonly inner: MemoryTransport,
    private readonly life: SimLife,
  ) {}

  publish(...request: Parameters<Transport['publish']>): Promise<void> {
    return this.life.through(this.inner.publish(...request));
  }

  subscribe(
    positions: Parameters<Transport['subscribe']>[0],
    deliver: (records: readonly IncomingRecord[]) => Promise<void>,
  ): Promise<Subscription> {
    const whenAlive = (records: readonly IncomingRecord[]): Promise<void> =>
      new Promise((resolve, reject) => {
        this.life.pass(() => void deliver(records).then(resolve, reject));
      });
    return this.life.through(this.inner.subscribe(positions, whenAlive));
  }

  announce(...message: Parameters<Transport['announce']>): Promise<void> {
    return this.life.through(this.inner.announce(...message));
  }

  isConnected(): boolean {
    return this.inner.isConnected();
  }

  isBehind(origin: string, shard: number): boolean {
    return this.inner.isBehind(origin, shard);
  }
}

/** So small that what is forgotten, or rests as text, is asked for all the time, and that publishers wait for their peers. */
const tightLimits: Partial<Limits> = {
  tailEventsMax: 16,
  cacheBytesMax: 128 * 1024,
  publishAheadEventsMax: 12,
};

export interface SimProcessOptions {
  readonly id: string;
  readonly region: string;
  readonly regions: readonly string[];
  readonly address: string;
  readonly types: EntityTypes;
  readonly policyHashes: ReadonlyMap<string, string>;
  readonly clock: SimClock;
  readonly skewMillis: number;
  readonly originMillis: number;
  readonly rate: number;
  readonly database: SimDatabase;
  readonly clusters: MemoryClusters;
  readonly network: MemoryNetwork;
  readonly telemetry: MemoryTelemetry;
  readonly timing: Timing;
  readonly limits?: Partial<Limits>;
  readonly mutationId: (born: string) => string;
  /** Looks at every ack as it is sent. */
  readonly onAck: (ack: Ack) => void;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  /** What a crash at a commit does; the world starts another process later. */
  readonly onCrash: (process: SimProcess) => void;
}

/** One life of one service process: the real stations on simulated ports. */
export class SimProcess {
  readonly life: SimLife;
  readonly service: RegionProcess;
  readonly id: string;
  readonly region: string;
  private readonly transport: MemoryTransport;
  private readonly peers: MemoryPeers;

  constructor(private readonly options: SimProcessOptions) {
    const { region, address, clock, clusters, network } = options;
    this.id = options.id;
    this.region = region;
    this.life = new SimLife(clock, options.skewMillis, options.originMillis, options.rate);
    this.transport = new MemoryTransport(clusters, region);
    this.peers = network.join({
      region,
      address,
      handlers: {
        fetch: (request) => this.answering(() => this.service.handlers.fetch(request)),
        cursors: (shard) => this.answering(() => this.service.handlers.cursors(shard)),
        grantRights: (request) => this.answering(() => this.service.handlers.grantRights(request)),
        forward: (payload) => this.answering(() => this.service.handlers.forward(payload)),
        asked: (from, payload) => this.answering(() => this.service.handlers.asked(from, payload)),
        relayed: (heartbeat) => this.life.pass(() => this.service.handlers.relayed(heartbeat)),
      },
    });
    const { peers, life } = this;
    this.service = createRegionProcess(
      {
        log: new SimLog(options.database, life, () => this.crash()),
        transport: new SimTransport(this.transport, life),
        peers: {
          regions: peers.regions,
          fetch: (to, request) => life.through(peers.fetch(to, request)),
          askRights: (to, request) => life.through(peers.askRights(to, request)),
          sendHeartbeat: (to, heartbeat) => peers.sendHeartbeat(to, heartbeat),
          onHeartbeat: (handler) => peers.onHeartbeat((heartbeat) => life.pass(() => handler(heartbeat))),
          cursors: (of, shard, millisMax) => life.through(peers.cursors(of, shard, millisMax)),
          sendAck: (to, ack) => {
            options.onAck(ack);
            peers.sendAck(to, ack);
          },
          ask: (to, payload, millisMax) => life.through(peers.ask(to, payload, millisMax)),
          tell: (to, payload) => peers.tell(to, payload),
          onTold: (handler) => peers.onTold((from, payload) => life.pass(() => handler(from, payload))),
          onAck: (handler) => peers.onAck((from, ack) => life.pass(() => handler(from, ack))),
        },
        siblings: {
          forward: (to, payload) => life.through(peers.forward(to, payload)),
          relayHeartbeat: (to, heartbeat) => peers.relayHeartbeat(to, heartbeat),
        },
        auth: kitAuth(region),
        hashing: kitHashing,
        random: { mutationId: options.mutationId, fraction: options.fraction },
        clock: life,
        telemetry: options.telemetry,
      },
      {
        processId: options.id,
        address,
        types: options.types,
        policyHashes: options.policyHashes,
        members: options.regions,
        limits: { ...limitsDefault, ...tightLimits, ...options.limits },
        timing: options.timing,
      },
    );
  }

  /** Kill -9. */
  crash(): void {
    if (!this.life.isAlive) return;
    this.life.die();
    this.transport.crash();
    this.peers.crash();
    this.options.onCrash(this);
  }

  private answering<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.life.pass(() => void ask().then(resolve, reject));
    });
  }
}
