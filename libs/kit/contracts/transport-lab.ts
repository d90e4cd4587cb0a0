import { expect } from 'vitest';
import type { IncomingRecord, OutgoingRecord, Transport } from '#flow/ports/transport.js';

/** What the transport contract needs of a world: one cluster, and processes around it. Names are new in every lab. */
export interface TransportLab {
  readonly shards: number;
  /** The region whose cluster it is; its process reads. */
  readonly reader: string;
  /** Two other regions, whose processes publish to that cluster. */
  readonly writers: readonly [string, string];
  /** The longest a publish may take before it gives up, in milliseconds, and some slack for a busy machine. */
  readonly publishMillisMax: number;
  /** The transport of a new process. All are closed with the lab. */
  transport(region: string): Transport;
  /** Lets time pass until the work is done. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds. @throws Error when it never does */
  until(condition: () => boolean, what: string): Promise<void>;
  elapsedMillis(): number;
  /** As long as a publisher waits between two attempts. */
  aWhile(): Promise<void>;
  /** Kill -9, and a start with the same data. */
  crash(): Promise<void>;
  restart(): Promise<void>;
  /** Puts a record without a MAC straight on the topic of `origin`. */
  inject(origin: string, shard: number, value: Uint8Array): Promise<void>;
  /** Bytes that this transport has fetched and `deliver` has not taken yet, and how many that may be. */
  buffered?(transport: Transport): { readonly bytes: number; readonly bytesMax: number };
  close(): Promise<void>;
}

/** Records of one writer, numbered over all shards, so that order and loss can be told from the values. */
export class Writer {
  readonly #lab: TransportLab;
  readonly region: string;
  readonly transport: Transport;
  readonly #written = new Map<number, string[]>();
  #count = 0;

  constructor(lab: TransportLab, region: string) {
    this.#lab = lab;
    this.region = region;
    this.transport = lab.transport(region);
  }

  /** The next `count` records, over the shards in turn. */
  make(count: number): OutgoingRecord[] {
    return Array.from({ length: count }, () => this.record(this.#count % this.#lab.shards));
  }

  record(shard: number, bytes = 0): OutgoingRecord {
    const name = `${this.region}/${shard}/${this.#count++}`;
    const value = new Uint8Array(Math.max(bytes, name.length));
    value.set(new TextEncoder().encode(name));
    return { shard, key: `entity/${shard}`, value, mac: new TextEncoder().encode(`mac of ${name}`) };
  }

  async publish(records: readonly OutgoingRecord[], slot = 0): Promise<void> {
    await this.#lab.run(this.transport.publish(this.#lab.reader, slot, records));
    this.acknowledged(records);
  }

  acknowledged(records: readonly OutgoingRecord[]): void {
    for (const record of records) {
      const list = this.#written.get(record.shard) ?? [];
      this.#written.set(record.shard, list);
      list.push(nameOf(record.value));
    }
  }

  /** Acknowledged values per shard, in the order of publishing. */
  get written(): ReadonlyMap<number, readonly string[]> {
    return this.#written;
  }

  get writtenCount(): number {
    return [...this.#written.values()].reduce((sum, list) => sum + list.length, 0);
  }
}

/** What one subscription delivered, and how. */
export class Receiver {
  readonly batches: (readonly IncomingRecord[])[] = [];
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  #underWay = 0;
  #refusals = 0;

  readonly deliver = async (records: readonly IncomingRecord[]): Promise<void> => {
    this.#underWay += 1;
    expect(this.#underWay, 'deliveries at the same time').toBe(1);
    expect(records.length).toBeGreaterThan(0);
    this.batches.push(records);
    await this.#gate;
    this.#underWay -= 1;
    if (this.#refusals > 0) {
      this.#refusals -= 1;
      throw new Error('not taken');
    }
  };

  /** From here on deliveries do not return. */
  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#gate = Promise.resolve();
    this.#open();
  }

  refuse(times: number): void {
    this.#refusals = times;
  }

  get records(): readonly IncomingRecord[] {
    return this.batches.flat();
  }

  /** Values of one partition, as they came; repeats are shown once, where they first came. */
  firstSeen(origin: string, shard: number): readonly string[] {
    const own = this.records.filter((record) => record.origin === origin && record.shard === shard);
    return [...new Set(own.map((record) => nameOf(record.value)))];
  }

  distinctCount(): number {
    return new Set(this.records.map((record) => nameOf(record.value))).size;
  }

  /** Every acknowledged record of the writer has come, per partition in the order in which it was published. */
  expectAllOf(writer: Writer): void {
    for (const [shard, names] of writer.written) {
      expect(this.firstSeen(writer.region, shard)).toEqual(names);
    }
  }

  hasAllOf(...writers: readonly Writer[]): boolean {
    const seen = new Set(this.records.map((record) => nameOf(record.value)));
    return writers.every((writer) => [...writer.written.values()].flat().every((name) => seen.has(name)));
  }
}

/** The text at the start of a value, up to the first zero byte. */
export function nameOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
