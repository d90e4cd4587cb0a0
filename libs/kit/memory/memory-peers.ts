import { assert } from '#core/assert.js';
import { AtollError } from '#core/errors.js';
import type { Clock } from '#flow/ports/clock.js';
import type { EventRange } from '#flow/ports/event-log.js';
import type { PeerHandlers } from '#flow/ports/peer-handlers.js';
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
import { FixedLinks, type Links } from './links.js';

export interface MemoryNetworkOptions {
  readonly regions: readonly string[];
  readonly clock: Clock;
  readonly links?: Links;
  /** How long a caller waits for an answer that does not come, in milliseconds. */
  readonly callTimeoutMillis?: number;
}

export interface MemberProcess {
  readonly region: string;
  /** Where siblings reach it; unique in the whole network. */
  readonly address: string;
  readonly handlers: PeerHandlers;
  /** Other regions do not have its address: what they tell reaches it through its siblings. */
  readonly isUnknown?: boolean;
}

/**
 * The calls between all processes of all regions, in memory. Deterministic: time comes from the clock, fate from
 * `links`, and a region's processes are tried in the order in which they joined. Messages whose delays differ overtake
 * each other, as they do across a stream that was opened anew.
 */
export class MemoryNetwork {
  readonly regions: readonly string[];
  readonly clock: Clock;
  readonly links: Links;
  readonly callTimeoutMillis: number;
  readonly #members = new Map<string, MemoryPeers>();

  constructor(options: MemoryNetworkOptions) {
    this.regions = options.regions;
    this.clock = options.clock;
    this.links = options.links ?? new FixedLinks();
    this.callTimeoutMillis = options.callTimeoutMillis ?? 3000;
  }

  join(process: MemberProcess): MemoryPeers {
    assert(!this.#members.has(process.address), `${process.address} is in the network already`);
    const member = new MemoryPeers(this, process, () => this.#members.delete(process.address));
    this.#members.set(process.address, member);
    return member;
  }

  at(address: string): MemoryPeers | undefined {
    return this.#members.get(address);
  }

  /** The processes of a region that others know. */
  of(region: string): readonly MemoryPeers[] {
    return [...this.#members.values()].filter((member) => member.region === region && !member.isUnknown);
  }
}

/** One process in the network: its way out (`Peers`, `Siblings`) and what it answers. */
export class MemoryPeers implements Peers, Siblings {
  readonly region: string;
  readonly #network: MemoryNetwork;
  readonly #process: MemberProcess;
  readonly #forget: () => void;
  readonly #listeners: ((heartbeat: Heartbeat) => void)[] = [];
  readonly #ackListeners: ((region: string, ack: Ack) => void)[] = [];
  readonly #toldListeners: ((region: string, payload: Uint8Array) => void)[] = [];
  readonly #brokenOff = new Set<() => void>();
  #alive = true;

  constructor(network: MemoryNetwork, process: MemberProcess, forget: () => void) {
    this.region = process.region;
    this.#network = network;
    this.#process = process;
    this.#forget = forget;
  }

  get isUnknown(): boolean {
    return this.#process.isUnknown ?? false;
  }

  get regions(): readonly string[] {
    return this.#network.regions.filter((region) => region !== this.region);
  }

  fetch(region: string, range: EventRange): Promise<readonly Uint8Array[]> {
    return this.#callAny(region, (handlers) => handlers.fetch(range));
  }

  askRights(region: string, request: RightsRequest): Promise<RightsAnswer> {
    return this.#callAny(region, (handlers) => handlers.grantRights(request));
  }

  async #callAny<T>(
    region: string,
    ask: (handlers: PeerHandlers) => Promise<T>,
    millisMax?: number,
  ): Promise<T> {
    let failure: PeerUnavailable | undefined;
    for (const target of this.#network.of(region)) {
      try {
        return await this.#call(target, ask, millisMax);
      } catch (error) {
        if (!(error instanceof PeerUnavailable)) throw error;
        failure = error;
      }
    }
    throw failure ?? new PeerUnavailable(`no process of ${region} can be reached`);
  }

  forward(address: string, payload: Uint8Array): Promise<Uint8Array> {
    const target = this.#network.at(address);
    if (target === undefined) return Promise.reject(new PeerUnavailable(`nobody listens at ${address}`));
    return this.#call(target, (handlers) => handlers.forward(payload));
  }

  ask(region: string, payload: Uint8Array, millisMax: number): Promise<Uint8Array> {
    return this.#callAny(region, (handlers) => handlers.asked(this.region, payload), millisMax);
  }

  tell(region: string, payload: Uint8Array): void {
    for (const target of this.#network.of(region)) {
      this.#tell(target, () => target.#toldListeners.forEach((listener) => listener(this.region, payload)));
    }
  }

  onTold(handler: (region: string, payload: Uint8Array) => void): void {
    this.#toldListeners.push(handler);
  }

  sendHeartbeat(region: string, heartbeat: Heartbeat): void {
    for (const target of this.#network.of(region)) {
      this.#tell(target, () => target.#listeners.forEach((listener) => listener(heartbeat)));
    }
  }

  onHeartbeat(handler: (heartbeat: Heartbeat) => void): void {
    this.#listeners.push(handler);
  }

  async cursors(region: string, shard: number, millisMax: number): Promise<ShardCursors> {
    const asking = this.#network
      .of(region)
      .map((target) => this.#call(target, (handlers) => handlers.cursors(shard), millisMax));
    try {
      return await Promise.any(asking);
    } catch {
      throw new PeerUnavailable(`no process of ${region} answered`);
    }
  }

  sendAck(region: string, ack: Ack): void {
    for (const target of this.#network.of(region)) {
      this.#tell(target, () => target.#ackListeners.forEach((listener) => listener(this.region, ack)));
    }
  }

  onAck(handler: (region: string, ack: Ack) => void): void {
    this.#ackListeners.push(handler);
  }

  relayHeartbeat(address: string, heartbeat: Heartbeat): void {
    const target = this.#network.at(address);
    if (target !== undefined) this.#tell(target, () => target.#process.handlers.relayed(heartbeat));
  }

  /** The process dies: it answers nobody, hears nothing, and none of its own calls settles any more. */
  crash(): void {
    this.#alive = false;
    this.#forget();
    for (const breakOff of this.#brokenOff) breakOff();
    this.#brokenOff.clear();
  }

  #tell(target: MemoryPeers, say: () => void): void {
    const passage = this.#network.links.passage(this.region, target.region);
    if (!this.#alive || passage.kind !== 'arrives') return;
    this.#network.clock.after(passage.afterMillis, () => {
      if (target.#alive) say();
    });
  }

  #call<T>(
    target: MemoryPeers,
    ask: (handlers: PeerHandlers) => Promise<T>,
    millisMax = this.#network.callTimeoutMillis,
  ): Promise<T> {
    const { clock, links } = this.#network;
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      const fail = (why: string): void =>
        settle(() => reject(new PeerUnavailable(`${target.region}: ${why}`)));
      const breakOff = (): void => void clock.after(0, () => fail('connection lost'));
      const cancel = clock.after(millisMax, () => fail('no answer in time'));
      target.#brokenOff.add(breakOff);
      const settle = (outcome: () => void): void => {
        if (!this.#alive) return;
        cancel();
        target.#brokenOff.delete(breakOff);
        outcome(); // a promise settles once: what comes later changes nothing
      };
      const answer = (outcome: () => void): void => {
        const back = links.passage(target.region, this.region);
        if (back.kind === 'arrives' && target.#alive) clock.after(back.afterMillis, () => settle(outcome));
      };

      const way = links.passage(this.region, target.region);
      if (way.kind === 'lost') return;
      clock.after(way.afterMillis, () => {
        if (way.kind === 'refused' || !target.#alive) return fail('connection refused');
        ask(target.#process.handlers).then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => {
            if (error instanceof AtollError) answer(() => reject(error));
            else answer(() => fail('it failed to answer'));
          },
        );
      });
    });
  }
}
