import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  topicOf,
  TransportUnavailable,
  type OutgoingRecord,
  type Subscription,
} from '#flow/ports/transport.js';
import { Receiver, Writer, type TransportLab } from './transport-lab.js';

export type { TransportLab } from './transport-lab.js';

const mebibyte = 1024 * 1024;

/** What every transport must do, in memory and over a real broker. Call it in a spec, once per implementation. */
export function transportContract(name: string, open: () => Promise<TransportLab>): void {
  describe(`transport: ${name}`, () => {
    const bench = new Bench(open);
    beforeEach(() => bench.begin());
    afterEach(() => bench.end());
    carriesRecords(bench);
    keepsPositions(bench);
    mindsTheReceiver(bench);
    saysWhatItHolds(bench);
    survivesCrashes(bench);
  });
}

/** The lab of the running test, and the pieces every test needs. */
class Bench {
  readonly #open: () => Promise<TransportLab>;
  #lab: TransportLab | undefined;

  constructor(open: () => Promise<TransportLab>) {
    this.#open = open;
  }

  async begin(): Promise<void> {
    this.#lab = await this.#open();
  }

  async end(): Promise<void> {
    await this.#lab?.close();
  }

  get lab(): TransportLab {
    if (this.#lab === undefined) throw new Error('no test is running');
    return this.#lab;
  }

  writers(): readonly [Writer, Writer] {
    const [one, other] = this.lab.writers;
    return [new Writer(this.lab, one), new Writer(this.lab, other)];
  }

  /** A subscription from the end, as a process has it that reads for the first time. */
  async receiver(): Promise<Receiver> {
    const receiver = new Receiver();
    await this.subscribe(receiver);
    return receiver;
  }

  subscribe(
    receiver: Receiver,
    positions: readonly { topic: string; partition: number; offset: string }[] = [],
  ): Promise<Subscription> {
    const transport = this.lab.transport(this.lab.reader);
    return this.lab.run(transport.subscribe(positions, receiver.deliver));
  }

  async untilAllOf(receiver: Receiver, ...writers: readonly Writer[]): Promise<void> {
    await this.lab.until(() => receiver.hasAllOf(...writers), 'every acknowledged record is delivered');
  }
}

function carriesRecords(bench: Bench): void {
  it('delivers the records of all other regions, per partition in the order of publishing', async () => {
    const receiver = await bench.receiver();
    const [one, other] = bench.writers();
    for (let round = 0; round < 5; round += 1) {
      await one.publish(one.make(bench.lab.shards * 3));
      await other.publish(other.make(bench.lab.shards * 2));
    }
    await bench.untilAllOf(receiver, one, other);
    receiver.expectAllOf(one);
    receiver.expectAllOf(other);
    expect(one.written.size).toBe(bench.lab.shards);
  });

  it('keeps several slots of one cluster busy at the same time', async () => {
    const receiver = await bench.receiver();
    const [one] = bench.writers();
    const batches = Array.from({ length: 4 }, () => one.make(20));
    const { reader } = bench.lab;
    await bench.lab.run(
      Promise.all(batches.map((batch, slot) => one.transport.publish(reader, slot, batch))),
    );
    for (const batch of batches) one.acknowledged(batch);
    await bench.untilAllOf(receiver, one);
    expect(receiver.distinctCount()).toBe(80);
  });

  it('changes no byte of a value or a mac', async () => {
    const receiver = await bench.receiver();
    const [one] = bench.writers();
    const allBytes = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff);
    const hostile = [
      allBytes,
      new Uint8Array([0]),
      new TextEncoder().encode('\u0000é\uFEFF🜁'),
      allBytes.subarray(3, 9),
    ];
    const records = hostile.map((value, shard): OutgoingRecord => {
      return {
        shard: shard % bench.lab.shards,
        key: 'clé/\u0000🜁',
        value,
        mac: allBytes.subarray(shard, shard + 32),
      };
    });
    await bench.lab.run(one.transport.publish(bench.lab.reader, 0, records));
    await bench.lab.until(() => receiver.records.length === records.length, 'all records have come');
    for (const { shard, value, mac } of records) {
      const found = receiver.records.find((record) => record.shard === shard && equal(record.value, value));
      expect(found, `the record on shard ${shard}`).toBeDefined();
      expect(found?.mac !== undefined && equal(found.mac, mac)).toBe(true);
    }
  });

  it('carries records of up to 1.5 MiB, alone and among small ones', async () => {
    const receiver = await bench.receiver();
    const [one, other] = bench.writers();
    await one.publish([one.record(0, 1.5 * mebibyte)]);
    const mixed = [1, 1.5, 0, 0.5, 1.5, 0].map((size, i) => other.record(i % 2, size * mebibyte));
    await other.publish(mixed);
    await bench.untilAllOf(receiver, one, other);
    receiver.expectAllOf(one);
    receiver.expectAllOf(other);
    expect(Math.max(...receiver.records.map((record) => record.value.byteLength))).toBe(1.5 * mebibyte);
  });

  it('delivers what anybody put on a topic, and says when it has no mac', async () => {
    const receiver = await bench.receiver();
    const [one] = bench.writers();
    await one.publish(one.make(2));
    await bench.lab.run(bench.lab.inject(one.region, 0, new TextEncoder().encode('stranger')));
    await one.publish(one.make(2));
    await bench.untilAllOf(receiver, one);
    const strange = receiver.records.filter(
      (record) => new TextDecoder().decode(record.value) === 'stranger',
    );
    expect(strange.map((record) => record.mac)).toEqual([undefined]);
  });
}

function keepsPositions(bench: Bench): void {
  it('begins at the end where no position is given', async () => {
    const [one] = bench.writers();
    await one.publish(one.make(bench.lab.shards * 2));
    const before = one.writtenCount;
    const receiver = await bench.receiver();
    await one.publish(one.make(bench.lab.shards));
    await bench.lab.until(() => receiver.distinctCount() >= bench.lab.shards, 'the new records have come');
    expect(receiver.distinctCount()).toBe(one.writtenCount - before);
  });

  it('resumes at the given positions, beginning with the record at that offset', async () => {
    const [one, other] = bench.writers();
    const first = new Receiver();
    const subscription = await bench.subscribe(first);
    await one.publish(one.make(bench.lab.shards * 4));
    await other.publish(other.make(bench.lab.shards * 4));
    await bench.untilAllOf(first, one, other);
    await bench.lab.run(subscription.stop());

    const last = new Map(first.records.map((record) => [`${record.origin}/${record.shard}`, record]));
    await one.publish(one.make(bench.lab.shards * 2));
    const second = new Receiver();
    const positions = [...last.values()].map(({ origin, shard, offset }) => {
      return { topic: topicOf(origin), partition: shard, offset };
    });
    await bench.subscribe(second, positions);
    await bench.lab.until(
      () => second.distinctCount() >= 4 * bench.lab.shards,
      'everything from there on has come',
    );
    for (let shard = 0; shard < bench.lab.shards; shard += 1) {
      expect(second.firstSeen(one.region, shard)).toEqual(one.written.get(shard)?.slice(-3));
      expect(second.firstSeen(other.region, shard)).toEqual(other.written.get(shard)?.slice(-1));
    }
  });

  it('begins with the earliest record where a position is not there', async () => {
    const [one] = bench.writers();
    await one.publish(one.make(bench.lab.shards * 2));
    const receiver = new Receiver();
    const topic = topicOf(one.region);
    await bench.subscribe(receiver, [{ topic, partition: 0, offset: '1000000' }]);
    await bench.lab.until(() => receiver.distinctCount() === 2, 'partition 0 comes from its start');
    expect(receiver.firstSeen(one.region, 0)).toEqual(one.written.get(0));
  });

  it('delivers everything again after a rewind, and goes on', async () => {
    const [one, other] = bench.writers();
    const receiver = new Receiver();
    await one.publish(one.make(bench.lab.shards * 3));
    const subscription = await bench.subscribe(receiver);
    await other.publish(other.make(bench.lab.shards * 3));
    await bench.untilAllOf(receiver, other);
    await bench.lab.run(subscription.rewind());
    await bench.untilAllOf(receiver, one, other);
    receiver.expectAllOf(one);
    const again = receiver.records.filter((record) => record.origin === other.region);
    await bench.lab.until(() => again.length >= other.writtenCount, 'what had come comes again');
    await one.publish(one.make(bench.lab.shards));
    await bench.untilAllOf(receiver, one);
  });

  it('delivers nothing after it was stopped', async () => {
    const [one] = bench.writers();
    const stopped = new Receiver();
    const subscription = await bench.subscribe(stopped);
    await one.publish(one.make(4));
    await bench.untilAllOf(stopped, one);
    await bench.lab.run(subscription.stop());
    const before = stopped.records.length;
    const witness = await bench.receiver();
    await one.publish(one.make(4));
    await bench.lab.until(() => witness.distinctCount() === 4, 'another reader has them');
    expect(stopped.records.length).toBe(before);
  });
}

function mindsTheReceiver(bench: Bench): void {
  it('delivers a batch again that the receiver refused', async () => {
    const receiver = await bench.receiver();
    receiver.refuse(2);
    const [one] = bench.writers();
    await one.publish(one.make(3));
    await bench.lab.until(() => receiver.batches.length >= 3, 'it comes a third time');
    await one.publish(one.make(3));
    await bench.untilAllOf(receiver, one);
    receiver.expectAllOf(one);
  });

  it('fetches no more than its buffer holds while the receiver is slow, and loses nothing by it', async () => {
    const [one] = bench.writers();
    const receiver = new Receiver();
    receiver.hold();
    const transport = bench.lab.transport(bench.lab.reader);
    await bench.lab.run(transport.subscribe([], receiver.deliver));
    const buffered = (): { readonly bytes: number; readonly bytesMax: number } =>
      bench.lab.buffered?.(transport) ?? { bytes: 0, bytesMax: 0 };
    for (let round = 0; round < 24; round += 1) {
      await one.publish(Array.from({ length: 4 }, (_, i) => one.record(i % bench.lab.shards, mebibyte / 2)));
      expect(buffered().bytes).toBeLessThanOrEqual(buffered().bytesMax);
    }
    await bench.lab.until(() => receiver.batches.length === 1, 'one batch is in the hands of the receiver');
    receiver.release();
    await bench.untilAllOf(receiver, one);
    receiver.expectAllOf(one);
  });
}

function saysWhatItHolds(bench: Bench): void {
  it('is behind in a shard while its cluster holds more of it than the receiver took', async () => {
    const { lab } = bench;
    const [one, other] = bench.writers();
    const receiver = new Receiver();
    receiver.hold();
    const transport = lab.transport(lab.reader);
    expect(transport.isBehind(one.region, 0)).toBe(false);
    await lab.run(transport.subscribe([], receiver.deliver));
    await one.publish([one.record(0), one.record(0)]);
    await lab.until(() => transport.isBehind(one.region, 0), 'it has seen the records');
    expect(transport.isBehind(one.region, 1)).toBe(false);
    expect(transport.isBehind(other.region, 0)).toBe(false);
    await lab.until(() => receiver.batches.length > 0, 'a batch is in the hands of the receiver');
    expect(transport.isBehind(one.region, 0)).toBe(true);
    receiver.release();
    await bench.untilAllOf(receiver, one);
    await lab.until(() => !transport.isBehind(one.region, 0), 'all is taken');
  });

  it('knows of what was there before it began to read', async () => {
    const { lab } = bench;
    const [one] = bench.writers();
    await one.publish(one.make(lab.shards));
    const receiver = new Receiver();
    receiver.hold();
    const transport = lab.transport(lab.reader);
    const fromStart = one.make(lab.shards).map(({ shard }) => {
      return { topic: topicOf(one.region), partition: shard, offset: '0' };
    });
    await lab.run(transport.subscribe(fromStart, receiver.deliver));
    const shards = fromStart.map(({ partition }) => partition);
    await lab.until(
      () => shards.every((shard) => transport.isBehind(one.region, shard)),
      'it is behind in every shard',
    );
    receiver.release();
    await bench.untilAllOf(receiver, one);
    await lab.until(() => !shards.some((shard) => transport.isBehind(one.region, shard)), 'all is taken');
  });
}

function survivesCrashes(bench: Bench): void {
  it('refuses within its bound while the cluster is down, and works again after the restart', async () => {
    const { lab } = bench;
    const receiver = new Receiver();
    const reading = lab.transport(lab.reader);
    await lab.run(reading.subscribe([], receiver.deliver));
    const [one] = bench.writers();
    await one.publish(one.make(2));
    expect(reading.isConnected()).toBe(true);

    await lab.crash();
    const from = lab.elapsedMillis();
    const refused = await lab.run(
      one.transport.publish(lab.reader, 0, one.make(1)).catch((error: unknown) => error),
    );
    expect(refused).toBeInstanceOf(TransportUnavailable);
    expect(lab.elapsedMillis() - from).toBeLessThanOrEqual(lab.publishMillisMax);
    await lab.until(() => !reading.isConnected(), 'the reader notices');

    await lab.restart();
    await lab.run(publishUntilAcknowledged(lab, one, one.make(3), 0));
    await bench.untilAllOf(receiver, one);
    expect(reading.isConnected()).toBe(true);
  });

  it('announces to the own cluster what no subscription delivers, and says when it cannot', async () => {
    const { lab } = bench;
    const receiver = await bench.receiver();
    const own = lab.transport(lab.reader);
    const announce = (): Promise<unknown> =>
      lab.run(
        own.announce('process', new TextEncoder().encode('said'), new TextEncoder().encode('mac')).then(
          () => 'announced',
          (error: unknown) => error,
        ),
      );
    expect(await announce()).toBe('announced');
    await lab.crash();
    const from = lab.elapsedMillis();
    expect(await announce()).toBeInstanceOf(TransportUnavailable);
    expect(lab.elapsedMillis() - from).toBeLessThanOrEqual(lab.publishMillisMax);
    await lab.restart();
    while ((await announce()) !== 'announced') await lab.run(lab.aWhile());
    const [one] = bench.writers();
    await lab.run(publishUntilAcknowledged(lab, one, one.make(1), 0));
    await bench.untilAllOf(receiver, one);
    expect(receiver.distinctCount()).toBe(1);
  });

  it('loses nothing acknowledged when the cluster is killed in the middle, and needs no new subscription', async () => {
    const { lab } = bench;
    const receiver = await bench.receiver();
    const [one] = bench.writers();
    const slots = [0, 1].map(async (slot) => {
      for (let round = 0; round < 40; round += 1)
        await publishUntilAcknowledged(lab, one, one.make(10), slot);
    });
    await lab.until(() => one.writtenCount >= 200, 'a part is published');
    await lab.crash();
    await lab.restart();
    await lab.run(Promise.all(slots));
    await bench.untilAllOf(receiver, one);
    expect(one.writtenCount).toBe(800);
  });
}

/** As the publisher does: the same records again, until they are acknowledged. */
async function publishUntilAcknowledged(
  lab: TransportLab,
  writer: Writer,
  records: readonly OutgoingRecord[],
  slot: number,
): Promise<void> {
  for (;;) {
    try {
      await writer.transport.publish(lab.reader, slot, records);
      return writer.acknowledged(records);
    } catch (error) {
      if (!(error instanceof TransportUnavailable)) throw error;
      await lab.aWhile();
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}
