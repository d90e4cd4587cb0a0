import type { Socket } from 'node:net';
import type { Lane } from './lane.js';

/** What a flow holds at most before it stops reading: 90 ms of a lane at 46 MB/s. */
export const flowBytesMax = 4 * 1024 * 1024;

type Item =
  | { readonly kind: 'bytes'; readonly arrival: number; readonly bytes: Buffer }
  | { readonly kind: 'end' | 'reset'; readonly arrival: number };

export interface FlowOptions {
  readonly lane: Lane;
  readonly source: Socket;
  /** Called when the end of the stream has been handed over, or when the connection has to be reset. */
  readonly onFinished: (how: 'ended' | 'reset') => void;
  readonly onBytes: (count: number) => void;
}

/**
 * One direction of one connection: bytes and the end of the stream wait in order until they are due.
 *
 * There is one timer at a time, for the oldest item; all that is due goes out together. The queue is bounded in bytes
 * by pausing the source, which makes the sender stall as TCP does.
 */
export class Flow {
  readonly #options: FlowOptions;
  #sink: Socket | undefined;
  #queue: Item[] = [];
  #head = 0;
  #queuedBytes = 0;
  #lastArrival = 0;
  #timer: NodeJS.Timeout | undefined;
  #sinkIsFull = false;
  #sourceIs: 'open' | 'ended' | 'broken' = 'open';
  #closed = false;
  #lostBytes = false;
  #notBefore = 0;

  constructor(options: FlowOptions) {
    this.#options = options;
    const { source } = options;
    source.on('data', (bytes: Buffer) => this.#take(bytes));
    source.once('end', () => this.#takeEnd());
    source.on('error', () => this.#takeBreak());
    // Sockets here are half-open: without an end before it, a close means that the other side is gone.
    source.once('close', () => this.#sourceIs === 'open' && this.#takeBreak());
  }

  /** True when bytes or an end of stream were dropped, so that the connection must not go on. */
  get lostBytes(): boolean {
    return this.#lostBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Gives the flow its other end; until then it only gathers.
   * @param notBefore by `performance.now()`, when the first byte may arrive: a connection shakes hands first
   */
  attach(sink: Socket, notBefore: number): void {
    this.#sink = sink;
    this.#notBefore = notBefore;
    sink.on('drain', () => {
      this.#sinkIsFull = false;
      this.pump();
    });
    this.pump();
  }

  /** A lane that begins to drop loses also what is under way; what a connection has not sent yet, it keeps. */
  dropQueued(): void {
    if (this.#sink === undefined || this.#closed) return;
    if (this.#head < this.#queue.length) this.#lostBytes = true;
    this.#clear();
    this.#options.source.resume();
  }

  /** Hands over what is due. To be called when the lane has been healed. */
  pump(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    const { lane, source } = this.#options;
    const sink = this.#sink;
    if (sink === undefined || lane.cut !== undefined || this.#closed) return;
    const now = performance.now();
    sink.cork();
    for (let item = this.#nextDue(now); item !== undefined; item = this.#nextDue(now)) {
      this.#head += 1;
      this.#deliver(item, sink);
    }
    sink.uncork();
    this.#forgetDelivered();
    if (this.#queuedBytes < flowBytesMax / 2 && source.isPaused() && !this.#closed) source.resume();
    this.#waitForNext(now);
  }

  /** Stops for good, without handing over anything more. */
  close(): void {
    this.#closed = true;
    this.#clear();
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  #take(bytes: Buffer): void {
    if (this.#closed || this.#isLost()) return;
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= flowBytesMax) this.#options.source.pause();
    this.#enqueue({ kind: 'bytes', arrival: this.#arrival(bytes.length), bytes });
  }

  #takeEnd(): void {
    this.#sourceIs = 'ended';
    if (this.#closed || this.#isLost()) return;
    this.#enqueue({ kind: 'end', arrival: this.#arrival(0) });
  }

  #takeBreak(): void {
    const known = this.#sourceIs === 'broken';
    this.#sourceIs = 'broken';
    if (known || this.#closed || this.#isLost()) return;
    this.#enqueue({ kind: 'reset', arrival: this.#arrival(0) });
  }

  /** True when the lane throws away what was just sent. */
  #isLost(): boolean {
    if (this.#sink === undefined || this.#options.lane.cut !== 'drop') return false;
    this.#lostBytes = true;
    return true;
  }

  #arrival(bytes: number): number {
    const { lane } = this.#options;
    this.#lastArrival = Math.max(this.#lastArrival, lane.arrival(performance.now(), bytes));
    return this.#lastArrival;
  }

  /** While a timer runs, an older item is due before the new one. */
  #enqueue(item: Item): void {
    this.#queue.push(item);
    if (this.#timer === undefined) this.pump();
  }

  #nextDue(now: number): Item | undefined {
    const next = this.#queue[this.#head];
    const waits = this.#sinkIsFull || this.#closed || now < this.#notBefore;
    return next === undefined || waits || next.arrival > now ? undefined : next;
  }

  #deliver(item: Item, sink: Socket): void {
    if (item.kind === 'bytes') {
      this.#queuedBytes -= item.bytes.length;
      this.#options.onBytes(item.bytes.length);
      if (!sink.write(item.bytes)) this.#sinkIsFull = true;
      return;
    }
    if (item.kind === 'end') sink.end();
    this.#options.onFinished(item.kind === 'end' ? 'ended' : 'reset');
  }

  #waitForNext(now: number): void {
    const next = this.#queue[this.#head];
    if (next === undefined || this.#sinkIsFull || this.#closed) return;
    const due = Math.max(next.arrival, this.#notBefore);
    this.#timer = setTimeout(() => this.pump(), Math.max(1, Math.ceil(due - now)));
  }

  #forgetDelivered(): void {
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  #clear(): void {
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
  }
}
