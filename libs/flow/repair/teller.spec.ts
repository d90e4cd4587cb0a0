import { describe, expect, it } from 'vitest';
import { Intake } from '#flow/accept/intake.js';
import { limitsDefault, timingDefault } from '#flow/limits.js';
import type { RegionCursorRow } from '#flow/ports/event-log.js';
import type { Heartbeat } from '#flow/ports/peers.js';
import type { RegionCursors } from '#flow/read/region-cursors.js';
import type { Staleness } from '#flow/read/staleness.js';
import { ManualClock } from '#kit/memory/manual-clock.js';
import { kitAuth, kitHashing } from '#kit/memory/memory-auth.js';
import { MemoryDatabase } from '#kit/memory/memory-database.js';
import { MemoryEventLog } from '#kit/memory/memory-event-log.js';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { Teller } from './teller.js';

function heartbeatOf(number: number): Heartbeat {
  return {
    ...{ region: 'us', actor: 'us~1', process: 'us-1', number },
    ...{ echoes: [], shards: [], policyHashes: new Map() },
  };
}

/** A teller whose readings of the database take a while; what it sends and announces is kept. */
function slowTeller(readingMillis: number) {
  const clock = new ManualClock();
  const nowMillis = (): number => clock.wallMillis();
  const log = new MemoryEventLog(new MemoryDatabase({ region: 'eu', actor: 'eu~1', shards: 1, nowMillis }));
  const sent: Heartbeat[] = [];
  const announced: string[] = [];
  const teller = new Teller({
    ...{ processId: 'eu-1', log, clock, timing: timingDefault, telemetry: new MemoryTelemetry() },
    ...{ auth: kitAuth('eu'), hashing: kitHashing, policyHashes: new Map() },
    agreement: { told: () => new Map() },
    guard: { told: () => undefined },
    intake: new Intake(limitsDefault, clock),
    peers: {
      regions: ['us'],
      sendHeartbeat: (_to: string, heartbeat: Heartbeat) => void sent.push(heartbeat),
    } as never,
    transport: {
      announce: (key: string) => {
        announced.push(key);
        return Promise.resolve();
      },
    } as never,
    cursors: {
      reading: () =>
        new Promise((resolve) => {
          const shards = new Map<number, readonly RegionCursorRow[]>();
          clock.after(readingMillis, () => resolve({ beganMillis: 0, shards }));
        }),
    } as Partial<RegionCursors> as RegionCursors,
    staleness: { sending: () => undefined, report: () => undefined } as Partial<Staleness> as Staleness,
  });
  return { teller, clock, sent, announced };
}

describe('a heartbeat', () => {
  it('echoes only what was heard before its state was looked at, and how long ago that was', async () => {
    const { teller, clock, sent } = slowTeller(40);
    teller.start();
    teller.heard(heartbeatOf(1));
    await clock.advance(timingDefault.heartbeatMillis + 20);
    teller.heard(heartbeatOf(2));
    await clock.advance(20);
    expect(sent.map(({ echoes }) => echoes)).toEqual([
      [{ region: 'us', process: 'us-1', number: 1, heldMillis: timingDefault.heartbeatMillis }],
    ]);
    await clock.advance(timingDefault.heartbeatMillis + 40);
    expect(sent.at(-1)?.echoes).toMatchObject([{ number: 2 }]);
  });

  it('forgets a process that has been silent for long', async () => {
    const { teller, clock, sent } = slowTeller(0);
    teller.start();
    teller.heard(heartbeatOf(7));
    await clock.advance(50_000);
    expect(sent.at(-1)?.echoes.length).toBe(1);
    await clock.advance(20_000);
    expect(sent.at(-1)?.echoes).toEqual([]);
  });

  it('is announced now and then, for others to read', async () => {
    const { teller, clock, sent, announced } = slowTeller(0);
    teller.start();
    await clock.advance(10_000);
    expect(sent.length).toBe(40);
    expect(announced.length).toBe(10);
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), { maxWaitMillis: 1_000 }));
    await world.clock.advance(3_000);
    const { value, mac } = world.clusters.cluster('us').announcements.get('us-1') ?? {};
    expect(kitAuth('eu').verify('us', value ?? new Uint8Array(), mac ?? new Uint8Array())).toBe(true);
    const told = JSON.parse(kitHashing.fromUtf8(value ?? new Uint8Array()) ?? '') as {
      readonly shards: Readonly<Record<string, { readonly stored: object }>>;
    };
    expect(told).toMatchObject({ v: 1, kind: 'heartbeat', region: 'us', actor: 'us~1', process: 'us-1' });
    expect(told.shards[world.shardOf('likes', 'a')]).toEqual({
      ...{ lastSeq: 0, stored: { 'eu~1': 1 }, folded: { 'eu~1': 1 } },
    });
  });
});
