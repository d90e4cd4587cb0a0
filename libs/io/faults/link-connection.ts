import { connect, type Socket } from 'node:net';
import { Flow } from './flow.js';
import type { Lane } from './lane.js';

export interface Lanes {
  readonly forward: Lane;
  readonly back: Lane;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ByteCounts {
  forward: number;
  back: number;
}

export interface LinkConnectionOptions {
  readonly client: Socket;
  readonly lanes: Lanes;
  readonly target: () => Address;
  readonly counts: ByteCounts;
  readonly onClosed: () => void;
}

/**
 * One TCP connection across a link.
 *
 * It takes a round trip to open, as over a real distance: the target hears of it one way later, and the first byte
 * arrives after three. While a lane is cut it does not open at all, and the client waits.
 */
export class LinkConnection {
  readonly #options: LinkConnectionOptions;
  readonly #forward: Flow;
  #back: Flow | undefined;
  #target: Socket | undefined;
  #handshake: NodeJS.Timeout | undefined;
  #held = false;
  #endedFlows = 0;
  #closed = false;

  constructor(options: LinkConnectionOptions) {
    this.#options = options;
    const { client, lanes, counts } = options;
    client.setNoDelay(true);
    this.#forward = new Flow({
      lane: lanes.forward,
      source: client,
      onBytes: (count) => (counts.forward += count),
      onFinished: (how) => this.#finish(how),
    });
    this.#open();
  }

  get queuedBytes(): number {
    return this.#forward.queuedBytes + (this.#back?.queuedBytes ?? 0);
  }

  /** To be called when a lane has been cut: what was under way in a lane that drops is lost. */
  cut(): void {
    const { lanes } = this.#options;
    if (lanes.forward.cut === 'drop') this.#forward.dropQueued();
    if (lanes.back.cut === 'drop') this.#back?.dropQueued();
  }

  /** To be called when lanes have been healed: opens, goes on, or, where bytes were lost, resets. */
  heal(): void {
    const { forward, back } = this.#options.lanes;
    const hole =
      (this.#forward.lostBytes && forward.cut === undefined) ||
      (this.#back?.lostBytes === true && back.cut === undefined);
    if (this.#held) this.#open();
    else if (hole) this.reset();
    else {
      this.#forward.pump();
      this.#back?.pump();
    }
  }

  /** Ends both sides with a TCP reset. */
  reset(): void {
    if (!this.#closed) this.#close();
    this.#options.client.resetAndDestroy();
    this.#target?.resetAndDestroy();
  }

  #isCut(): boolean {
    const { forward, back } = this.#options.lanes;
    return forward.cut !== undefined || back.cut !== undefined;
  }

  #open(): void {
    this.#held = this.#isCut();
    if (this.#held) return;
    const begun = performance.now();
    const { forward } = this.#options.lanes;
    const oneWay = forward.delay.oneWayMillis;
    if (oneWay === 0) this.#reachTarget(begun);
    else this.#handshake = setTimeout(() => this.#reachTarget(begun), oneWay);
  }

  #reachTarget(begun: number): void {
    this.#held = this.#isCut();
    if (this.#held) return;
    const { client, lanes, counts, target } = this.#options;
    const socket = connect({ ...target(), allowHalfOpen: true, noDelay: true });
    this.#target = socket;
    this.#back = new Flow({
      lane: lanes.back,
      source: socket,
      onBytes: (count) => (counts.back += count),
      onFinished: (how) => this.#finish(how),
    });
    this.#back.attach(client, 0);
    const { forward, back } = lanes;
    this.#forward.attach(socket, begun + 2 * forward.delay.oneWayMillis + back.delay.oneWayMillis);
  }

  #finish(how: 'ended' | 'reset'): void {
    if (how === 'reset') {
      this.reset();
      return;
    }
    this.#endedFlows += 1;
    if (this.#endedFlows === 2) this.#close();
  }

  #close(): void {
    this.#closed = true;
    clearTimeout(this.#handshake);
    this.#forward.close();
    this.#back?.close();
    const { client, onClosed } = this.#options;
    if (client.destroyed) onClosed();
    else client.once('close', onClosed); // the last bytes may still have to drain
  }
}
