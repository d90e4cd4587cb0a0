import { describe, expect, it } from 'vitest';
import type { Heartbeat } from '#flow/ports/peers.js';
import { decodeHeartbeat, encodeHeartbeat, type HeartbeatMessage } from './heartbeat-codec.js';

const heartbeat: Heartbeat = {
  region: 'eu',
  actor: 'eu~2',
  process: 'p1',
  number: 3,
  echoes: [{ region: 'us', process: 'q', number: 4, heldMillis: 12.5 }],
  shards: [
    {
      shard: 0,
      lastSeq: 7,
      stored: new Map([
        ['eu~2', 7],
        ['us~1', 2],
      ]),
      folded: new Map([['eu~2', 7]]),
    },
    { shard: 1, lastSeq: 0, stored: new Map([['us~1', Number.MAX_SAFE_INTEGER]]), folded: new Map() },
  ],
  policyHashes: new Map([
    ['cart', 'ff'],
    ['__proto__', '00'],
  ]),
  compared: new Map([
    ['us', []],
    ['ap', ['cart']],
  ]),
  wallMillis: 1_700_000_000_000.25,
};

describe('the heartbeat codec', () => {
  it('reads back what it wrote', () => {
    expect(decodeHeartbeat(encodeHeartbeat(heartbeat))).toEqual(heartbeat);
  });

  it('names each actor once', () => {
    expect(encodeHeartbeat(heartbeat).actors).toEqual(['eu~2', 'us~1']);
  });

  it('refuses what no member could have sent', () => {
    const good = encodeHeartbeat(heartbeat);
    const [shard] = good.shards;
    const cursor = shard!.cursors[0]!;
    const withCursor = (change: Partial<typeof cursor>): HeartbeatMessage => {
      return { ...good, shards: [{ ...shard!, cursors: [{ ...cursor, ...change }] }] };
    };
    const bad: HeartbeatMessage[] = [
      { ...good, region: '' },
      { ...good, process: '' },
      { ...good, actor: 'us~1' },
      { ...good, number: -1 },
      { ...good, wallMillis: -1 },
      { ...good, wallMillis: NaN },
      { ...good, number: 2 ** 53 },
      { ...good, echoes: [{ region: 'us', process: 'q', number: -4, heldMillis: 0 }] },
      { ...good, echoes: [{ region: 'us', process: 'q', number: 4, heldMillis: NaN }] },
      { ...good, shards: [{ ...shard!, lastSeq: 2 ** 53 }] },
      withCursor({ actor: 2 }),
      withCursor({ stored: -1 }),
      withCursor({ folded: 2 ** 53 }),
    ];
    for (const message of bad) expect(decodeHeartbeat(message)).toBeUndefined();
  });
});
