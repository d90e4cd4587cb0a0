import { describe, expect, it } from 'vitest';
import { sleep } from '#flow/ports/clock.js';
import { transportContract } from '../contracts/transport.contract.js';
import { Receiver, Writer, type TransportLab } from '../contracts/transport-lab.js';
import { FixedLinks } from './links.js';
import { ManualClock } from './manual-clock.js';
import { MemoryClusters, type MemoryClustersOptions } from './memory-clusters.js';
import { MemoryTransport } from './memory-transport.js';

interface MemoryLab extends TransportLab {
  readonly clusters: MemoryClusters;
  readonly clock: ManualClock;
}

function openLab(changes: Partial<MemoryClustersOptions> = {}): MemoryLab {
  const clock = new ManualClock();
  const regions = ['eu', 'us', 'ap'];
  const clusters = new MemoryClusters({ regions, shards: 4, clock, links: new FixedLinks(5), ...changes });
  return {
    clusters,
    clock,
    shards: 4,
    reader: 'eu',
    writers: ['us', 'ap'],
    publishMillisMax: 3000,
    transport: (region) => new MemoryTransport(clusters, region),
    async run(work) {
      let settled = false;
      const mark = (): void => void (settled = true);
      work.then(mark, mark);
      await clock.until(() => settled, 'the work is done');
      return work;
    },
    until: (condition, what) => clock.until(condition, what),
    aWhile: () => sleep(clock, 50),
    elapsedMillis: () => clock.monotonicMillis(),
    crash: () => Promise.resolve(clusters.cluster('eu').crash()),
    restart: () => Promise.resolve(clusters.cluster('eu').restart()),
    inject: (origin, shard, value) =>
      Promise.resolve(clusters.cluster('eu').inject(origin, shard, { key: 'x', value, mac: undefined })),
    close: () => Promise.resolve(),
  };
}

transportContract('in memory', () => Promise.resolve(openLab()));

/** One of each: a publisher in us, and a receiver in eu that reads from the end. */
async function pairIn(lab: MemoryLab): Promise<{ readonly writer: Writer; readonly receiver: Receiver }> {
  const receiver = new Receiver();
  await lab.run(lab.transport('eu').subscribe([], receiver.deliver));
  return { writer: new Writer(lab, 'us'), receiver };
}

describe('clusters in memory', () => {
  it('lose a tail that was acknowledged, and give its offsets to others', async () => {
    const lab = openLab();
    const writer = new Writer(lab, 'us');
    await writer.publish([writer.record(0), writer.record(0), writer.record(0)]);
    lab.clusters.cluster('eu').loseTail('us', 0, 2);
    expect(lab.clusters.cluster('eu').partition('us', 0).records.length).toBe(1);

    const late = new Receiver();
    const lost = { topic: 'atoll.events.us', partition: 0, offset: '2' };
    await lab.run(lab.transport('eu').subscribe([lost], late.deliver));
    await lab.until(() => late.records.length === 1, 'what is left comes from its start');
    expect(late.records[0]?.offset).toBe('0');
  });

  it('repeat or swallow records as the world wants', async () => {
    let copies = 0;
    const lab = openLab({ copies: () => copies++ % 3 });
    const { writer, receiver } = await pairIn(lab);
    await writer.publish([writer.record(0), writer.record(0), writer.record(0)]);
    await lab.until(() => receiver.records.length === 3, 'none, one and two of them');
    expect(receiver.firstSeen('us', 0)).toEqual(['us/0/1', 'us/0/2']);
  });

  it('keep a request that got through a link whose way back is cut', async () => {
    const links = new FixedLinks(5);
    const lab = openLab({ links });
    const { writer, receiver } = await pairIn(lab);
    links.cut('eu', 'us');
    await expect(writer.publish([writer.record(0)])).rejects.toThrow('cluster eu: timeout');
    expect(lab.clock.monotonicMillis()).toBe(3000);
    expect(receiver.records.length).toBe(1);
  });

  it('let slots overtake each other, as links of different delay do', async () => {
    const links = new FixedLinks(100);
    const lab = openLab({ links });
    const { writer, receiver } = await pairIn(lab);
    const [first, second] = [writer.record(0), writer.record(0)];
    const slow = writer.transport.publish('eu', 0, [first]);
    links.delay('us', 'eu', 1);
    await lab.run(Promise.all([slow, writer.transport.publish('eu', 1, [second])]));
    await lab.until(() => receiver.records.length === 2, 'both have come');
    expect(receiver.firstSeen('us', 0)).toEqual(['us/0/1', 'us/0/0']);
  });

  it('answer a process that crashed never again, though what it sent arrives', async () => {
    const lab = openLab();
    const { writer, receiver } = await pairIn(lab);
    const dying = new MemoryTransport(lab.clusters, 'us');
    let settled = false;
    const mark = (): void => void (settled = true);
    dying.publish('eu', 0, [writer.record(0)]).then(mark, mark);
    dying.crash();
    await lab.until(() => receiver.records.length === 1, 'it arrives');
    await lab.clock.advance(10_000);
    expect(settled).toBe(false);
  });

  it('stop a publisher that uses a slot twice at a time', () => {
    const writer = new Writer(openLab(), 'us');
    void writer.transport.publish('eu', 0, writer.make(1));
    expect(() => writer.transport.publish('eu', 0, writer.make(1))).toThrow('one request per slot');
  });
});
