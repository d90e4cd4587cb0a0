import { Bench, type PeersLab } from './peers-bench.js';
import { asksForRights } from './rights-peers.contract.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import type { EventRange } from '#flow/ports/event-log.js';
import { PeerUnavailable, type Ack, type Heartbeat, type ShardCursors } from '#flow/ports/peers.js';

/** What every implementation of `Peers` and `Siblings` must do. Call it in a spec, once per implementation. */
export function peersContract(name: string, open: () => Promise<PeersLab>): void {
  describe(`peers: ${name}`, () => {
    const bench = new Bench(open);
    beforeEach(() => bench.begin());
    afterEach(() => bench.end());
    fetches(bench);
    asksForRights(bench);
    tellsHeartbeats(bench);
    tellsCursors(bench);
    tellsAcks(bench);
    forwards(bench);
  });
}

const never = new Promise<never>(() => undefined);
const request: EventRange = { shard: 3, actor: 'ap~1', from: 7, limit: 10, bytesMax: 1000 };
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Says something of every kind that a heartbeat can say. */
function heartbeatOf(region: string, number: number): Heartbeat {
  return {
    region,
    actor: `${region}~2`,
    process: `${region}-process`,
    number,
    echoes: [
      { region: 'ap', process: 'ap-process', number: 12, heldMillis: 0 },
      { region: 'ap', process: 'ap-other', number: 1, heldMillis: 17.25 },
    ],
    shards: [
      { shard: 0, stored: new Map(), folded: new Map(), lastSeq: 0 },
      {
        shard: 15,
        stored: new Map([
          [`${region}~2`, Number.MAX_SAFE_INTEGER],
          ['ap~1', 40],
        ]),
        folded: new Map([['ap~1', 39]]),
        lastSeq: Number.MAX_SAFE_INTEGER,
      },
    ],
    policyHashes: new Map([
      ['cart', 'ab12'],
      ['note', ''],
    ]),
    compared: new Map([
      ['ap', ['note']],
      ['us', []],
    ]),
    wallMillis: 1_700_000_000_000.5,
  };
}

function fetches(bench: Bench): void {
  it('brings events as bytes and in order, from the region that was asked', async () => {
    const asked: EventRange[] = [];
    const events = [bytes(0, 255, 128), bytes(), Uint8Array.from({ length: 300_000 }, (_, i) => i & 0xff)];
    const eu = await bench.join('eu', 0);
    await bench.join('ap', 0);
    const fetch = (given: EventRange): Promise<readonly Uint8Array[]> => {
      asked.push(given);
      return Promise.resolve(events);
    };
    await bench.join('us', 0, { fetch });
    const found = await bench.lab.run(eu.peers.fetch('us', request));
    expect(found.map((event) => Uint8Array.from(event))).toEqual(events);
    expect(asked).toEqual([request]);
  });

  it('brings nothing when the region stores none of them', async () => {
    const eu = await bench.join('eu', 0);
    await bench.join('us', 0, { fetch: () => Promise.resolve([]) });
    expect(await bench.lab.run(eu.peers.fetch('us', request))).toEqual([]);
  });

  it('asks another process of the region when one is gone, or fails', async () => {
    const eu = await bench.join('eu', 0);
    const gone = await bench.join('us', 0, { fetch: () => Promise.resolve([bytes(1)]) });
    await bench.lab.run(gone.crash());
    await bench.join('us', 1, { fetch: () => Promise.resolve([bytes(2)]) });
    const fetched = async (): Promise<readonly Uint8Array[]> =>
      (await bench.lab.run(eu.peers.fetch('us', request))).map((event) => Uint8Array.from(event));
    expect(await fetched()).toEqual([bytes(2)]);
    await bench.join('us', 0);
    expect(await fetched()).toEqual([bytes(2)]);
  });

  it('says that a region is unavailable when none of its processes answers', async () => {
    const eu = await bench.join('eu', 0);
    expect(await bench.failureOf(eu.peers.fetch('us', request))).toBeInstanceOf(PeerUnavailable);
    await bench.join('us', 0, { fetch: () => Promise.reject(new Error('broken')) });
    expect(await bench.failureOf(eu.peers.fetch('us', request))).toBeInstanceOf(PeerUnavailable);
  });

  it('does not wait for ever for an answer that does not come', async () => {
    const eu = await bench.join('eu', 0);
    await bench.join('us', 0, { fetch: () => never });
    const from = bench.lab.elapsedMillis();
    expect(await bench.failureOf(eu.peers.fetch('us', request))).toBeInstanceOf(PeerUnavailable);
    expect(bench.lab.elapsedMillis() - from).toBeLessThanOrEqual(bench.lab.callMillisMax);
  });

  it('knows all other regions', async () => {
    const eu = await bench.join('eu', 0);
    expect([...eu.peers.regions].sort()).toEqual(['ap', 'us']);
  });
}

function tellsHeartbeats(bench: Bench): void {
  it('tells a heartbeat to every process of the peer region, and to no other', async () => {
    const eu = await bench.join('eu', 0);
    const heard = new Map<string, Heartbeat[]>();
    for (const [region, place] of [
      ['us', 0],
      ['us', 1],
      ['ap', 0],
      ['eu', 1],
    ] as const) {
      const member = await bench.join(region, place);
      const list: Heartbeat[] = [];
      heard.set(`${region}/${place}`, list);
      member.peers.onHeartbeat((heartbeat) => list.push(heartbeat));
    }
    const told = heartbeatOf('eu', 5);
    const both = (): boolean => heard.get('us/0')?.length !== 0 && heard.get('us/1')?.length !== 0;
    await bench.lab.until(both, 'both have heard', () => eu.peers.sendHeartbeat('us', told));
    expect(heard.get('us/0')?.[0]).toEqual(told);
    expect(heard.get('us/1')?.[0]).toEqual(told);
    expect(heard.get('ap/0')).toEqual([]);
    expect(heard.get('eu/1')).toEqual([]);
  });

  it('tells heartbeats in the order in which they were sent', async () => {
    const eu = await bench.join('eu', 0);
    const us = await bench.join('us', 0);
    const heard: number[] = [];
    us.peers.onHeartbeat((heartbeat) => heard.push(heartbeat.number));
    let number = 0;
    const send = (): void => eu.peers.sendHeartbeat('us', heartbeatOf('eu', ++number));
    await bench.lab.until(() => heard.length >= 10, 'ten have come', send);
    expect(heard).toEqual([...heard].sort((a, b) => a - b));
  });

  it('drops heartbeats while nobody is there, and is heard again by who comes back', async () => {
    const eu = await bench.join('eu', 0);
    for (let number = 1; number <= 100; number += 1) eu.peers.sendHeartbeat('us', heartbeatOf('eu', number));
    for (let life = 1; life <= 3; life += 1) {
      const us = await bench.join('us', 0);
      const heard: number[] = [];
      us.peers.onHeartbeat((heartbeat) => heard.push(heartbeat.number));
      const send = (): void => eu.peers.sendHeartbeat('us', heartbeatOf('eu', 100 + life));
      await bench.lab.until(() => heard.includes(100 + life), 'it is heard in this life', send);
      await bench.lab.run(us.crash());
    }
  });

  it('passes a heartbeat on to one sibling, as one that was passed on', async () => {
    const one = await bench.join('eu', 0);
    const relayed: Heartbeat[] = [];
    const heard: Heartbeat[] = [];
    const other = await bench.join('eu', 1, { relayed: (heartbeat) => relayed.push(heartbeat) });
    other.peers.onHeartbeat((heartbeat) => heard.push(heartbeat));
    const told = heartbeatOf('us', 9);
    const send = (): void => one.peers.relayHeartbeat(bench.lab.address('eu', 1), told);
    await bench.lab.until(() => relayed.length > 0, 'it is passed on', send);
    expect(relayed[0]).toEqual(told);
    expect(heard).toEqual([]);
    one.peers.relayHeartbeat('127.0.0.1:1', told); // nobody there, and nobody cares
  });
}

function tellsCursors(bench: Bench): void {
  const told: ShardCursors = {
    actor: 'us~2',
    lastSeq: 9,
    stored: new Map([
      ['us~2', 9],
      ['ap~1', Number.MAX_SAFE_INTEGER],
    ]),
    folded: new Map([['us~2', 8]]),
    stalenessMillis: 12.5,
  };

  it('tells what a region stores of a shard, from whichever process answers', async () => {
    const asked: number[] = [];
    const cursors = (shard: number): Promise<ShardCursors> => {
      asked.push(shard);
      return Promise.resolve(told);
    };
    const eu = await bench.join('eu', 0);
    const gone = await bench.join('us', 0, { cursors });
    expect(await bench.lab.run(eu.peers.cursors('us', 15, 1000))).toEqual(told);
    await bench.lab.run(gone.crash());
    const empty = { ...told, lastSeq: 0, stored: new Map(), folded: new Map(), stalenessMillis: null };
    await bench.join('us', 1, { cursors: () => Promise.resolve(empty) });
    // Whoever has asked a process in vain may be slow to find that it is there now.
    let answer: ShardCursors | undefined;
    const ask = (): void =>
      void eu.peers.cursors('us', 0, 1000).then(
        (cursors) => (answer = cursors),
        () => undefined,
      );
    await bench.lab.until(() => answer !== undefined, 'the other process answers', ask);
    expect(answer).toEqual(empty);
    expect(asked).toEqual([15]);
  });

  it('says within the time that was given that a region does not tell', async () => {
    await bench.join('us', 0);
    const us = await bench.join('us', 1, { cursors: () => never });
    const eu = await bench.join('eu', 0);
    expect(await bench.failureOf(eu.peers.cursors('ap', 0, 300))).toBeInstanceOf(PeerUnavailable);
    const from = bench.lab.elapsedMillis();
    expect(await bench.failureOf(eu.peers.cursors('us', 0, 300))).toBeInstanceOf(PeerUnavailable);
    expect(bench.lab.elapsedMillis() - from).toBeGreaterThanOrEqual(295);
    expect(bench.lab.elapsedMillis() - from).toBeLessThan(800);
    await bench.lab.run(us.crash());
    expect(await bench.failureOf(eu.peers.cursors('us', 0, 300))).toBeInstanceOf(PeerUnavailable);
  });
}

function tellsAcks(bench: Bench): void {
  it('tells an ack to every process of the origin, with the region that sent it, in order', async () => {
    const eu = await bench.join('eu', 0);
    const heard = new Map<string, [string, Ack][]>();
    for (const [region, place] of [
      ['us', 0],
      ['us', 1],
      ['ap', 0],
    ] as const) {
      const member = await bench.join(region, place);
      const list: [string, Ack][] = [];
      heard.set(`${region}/${place}`, list);
      member.peers.onAck((from, ack) => list.push([from, ack]));
    }
    let stored = 0;
    const send = (): void => eu.peers.sendAck('us', { shard: 3, actor: 'us~2', stored: ++stored });
    const both = (): boolean => ['us/0', 'us/1'].every((place) => (heard.get(place)?.length ?? 0) >= 10);
    await bench.lab.until(both, 'ten have come to both', send);
    for (const place of ['us/0', 'us/1']) {
      const list = heard.get(place) ?? [];
      expect(list[0]?.[0]).toBe('eu');
      expect(list[0]?.[1]).toMatchObject({ shard: 3, actor: 'us~2' });
      const seqs = list.map(([, ack]) => ack.stored);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    }
    expect(heard.get('ap/0')).toEqual([]);
  });

  it('drops acks while nobody is there, and is heard again by who comes back', async () => {
    const eu = await bench.join('eu', 0);
    eu.peers.sendAck('us', { shard: 0, actor: 'us~1', stored: 1 });
    const us = await bench.join('us', 0);
    const heard: number[] = [];
    us.peers.onAck((_from, ack) => heard.push(ack.stored));
    const send = (): void => eu.peers.sendAck('us', { shard: 0, actor: 'us~1', stored: 2 });
    await bench.lab.until(() => heard.includes(2), 'it is heard', send);
  });
}

function forwards(bench: Bench): void {
  it('hands a command to a sibling and brings its answer', async () => {
    const one = await bench.join('eu', 0);
    const turned = (payload: Uint8Array): Promise<Uint8Array> =>
      Promise.resolve(Uint8Array.from(payload).reverse());
    await bench.join('eu', 1, { forward: turned });
    const answer = await bench.lab.run(one.peers.forward(bench.lab.address('eu', 1), bytes(1, 0, 255)));
    expect(Uint8Array.from(answer)).toEqual(bytes(255, 0, 1));
  });

  it("carries a sibling's typed error with its code", async () => {
    const one = await bench.join('eu', 0);
    const refuse = (): Promise<never> =>
      Promise.reject(new AtollError('owner_moved', 'shard 3 is not mine: é'));
    await bench.join('eu', 1, { forward: refuse });
    const error = await bench.failureOf(one.peers.forward(bench.lab.address('eu', 1), bytes(1)));
    expect(error).toBeInstanceOf(AtollError);
    expect(error).toMatchObject({ code: 'owner_moved', message: 'shard 3 is not mine: é', retryable: true });
  });

  it('says that a sibling is unavailable when it fails otherwise, is gone, or was never there', async () => {
    const one = await bench.join('eu', 0);
    const address = bench.lab.address('eu', 1);
    expect(await bench.failureOf(one.peers.forward(address, bytes(1)))).toBeInstanceOf(PeerUnavailable);
    const other = await bench.join('eu', 1);
    expect(await bench.failureOf(one.peers.forward(address, bytes(1)))).toBeInstanceOf(PeerUnavailable);
    await bench.lab.run(other.crash());
    expect(await bench.failureOf(one.peers.forward(address, bytes(1)))).toBeInstanceOf(PeerUnavailable);
  });

  it('gives up a command whose sibling dies over it', async () => {
    const one = await bench.join('eu', 0);
    let asked = false;
    const hang = (): Promise<never> => {
      asked = true;
      return never;
    };
    const other = await bench.join('eu', 1, { forward: hang });
    const failure = one.peers.forward(bench.lab.address('eu', 1), bytes(1)).catch((error: unknown) => error);
    await bench.lab.until(() => asked, 'the command has arrived');
    const from = bench.lab.elapsedMillis();
    await bench.lab.run(other.crash());
    expect(await bench.lab.run(failure)).toBeInstanceOf(PeerUnavailable);
    expect(bench.lab.elapsedMillis() - from).toBeLessThan(bench.lab.callMillisMax / 2);
  });
}
