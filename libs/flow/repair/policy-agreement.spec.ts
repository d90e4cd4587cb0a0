import { describe, expect, it } from 'vitest';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { PolicyAgreement } from './policy-agreement.js';

const wait = { maxWaitMillis: 5_000 };
const alike = new Map([['likes', 'one']]);
const otherwise = new Map([['likes', 'another']]);

/** As `us` knows it, of its peers eu and ap. */
function agreement(own: ReadonlyMap<string, string> = alike): {
  readonly known: PolicyAgreement;
  readonly compared: string[];
  readonly telemetry: MemoryTelemetry;
} {
  const compared: string[] = [];
  const telemetry = new MemoryTelemetry();
  const known = new PolicyAgreement({
    ...{ own, regions: ['eu', 'ap'], telemetry, graceMillis: 2_000 },
    onCompared: (region) => compared.push(region),
  });
  return { known, compared, telemetry };
}

describe('the policies of a region', () => {
  it('are compared when it is heard, and never before', () => {
    const { known, compared } = agreement();
    expect([known.isCompared('eu~1'), known.isCompared('ap~1'), known.isCompared('us~1')]).toEqual([
      false,
      false,
      true,
    ]);
    known.hear({ region: 'eu', policyHashes: otherwise });
    expect([known.isCompared('eu~1'), known.isCompared('ap~1')]).toEqual([true, false]);
    expect([known.isRefused('eu', 'likes'), known.isRefused('ap', 'likes')]).toEqual([true, false]);
    expect(compared).toEqual(['eu']);
  });

  it('are told again where a type is refused no more, and only then', () => {
    const { known, compared } = agreement();
    known.hear({ region: 'eu', policyHashes: otherwise });
    known.hear({ region: 'eu', policyHashes: otherwise });
    expect(compared).toEqual(['eu']);
    known.hear({ region: 'eu', policyHashes: alike });
    expect([compared, known.refusedBy('eu')]).toEqual([['eu', 'eu'], []]);
  });

  it('are vouched for by a region that declares all types alike', () => {
    const { known } = agreement();
    known.hear({ region: 'ap', policyHashes: alike, compared: new Map([['eu', ['likes']]]) });
    expect([known.isCompared('eu~1'), known.refusedBy('eu')]).toEqual([true, ['likes']]);
    expect([...known.told()]).toEqual([['ap', []]]);
  });

  it('are not vouched for by a region that declares a type otherwise, or not at all', () => {
    for (const policyHashes of [otherwise, new Map<string, string>()]) {
      const { known } = agreement();
      known.hear({ region: 'ap', policyHashes, compared: new Map([['eu', []]]) });
      expect(known.isCompared('eu~1')).toBe(false);
    }
  });

  it('go by what it says itself, whatever others said of it', () => {
    const { known } = agreement();
    known.hear({ region: 'eu', policyHashes: otherwise });
    known.hear({ region: 'ap', policyHashes: alike, compared: new Map([['eu', []]]) });
    expect(known.refusedBy('eu')).toEqual(['likes']);
  });

  it('are waited for no longer than the grace, in which a process that stood still has not listened', () => {
    const { known, telemetry } = agreement();
    known.look(1_000);
    known.look(60_000);
    expect(known.isCompared('eu~1')).toBe(false);
    for (let now = 60_500; now <= 61_500; now += 500) known.look(now);
    expect([known.isCompared('eu~1'), known.isCompared('ap~1')]).toEqual([true, true]);
    expect(telemetry.counts.get('policy_uncompared_total')).toBe(2);
  });
});

/** us begins without hearing eu, or anybody, and finds in its own cluster what eu has published. */
async function begins(
  hashes: ReadonlyMap<string, ReadonlyMap<string, string>>,
  unheard: readonly string[],
): Promise<MemoryWorld> {
  const regions = ['eu', 'us', 'ap'];
  const world = await MemoryWorld.started({ regions, asleep: ['us'], policyHashes: hashes });
  await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
  await world.clock.advance(1_000);
  for (const region of unheard) world.links.cut(region, 'us');
  await world.start('us');
  const shard = world.shardOf('likes', 'a');
  const [record] = world.clusters.cluster('eu').partition('eu', shard).records;
  if (record?.mac === undefined) throw new Error('there is a record, with its MAC');
  world.clusters.cluster('us').inject('eu', shard, { ...record, mac: record.mac });
  return world;
}

const all = (hashes: ReadonlyMap<string, string>): ReadonlyMap<string, ReadonlyMap<string, string>> =>
  new Map(['eu', 'us', 'ap'].map((region) => [region, hashes]));
const cursor = (world: MemoryWorld): { readonly stored: number; readonly folded: number } =>
  world.cursorOf('us', 'eu', 'likes', 'a');

describe('events of a region whose policies nobody has compared', () => {
  it('are held, and go on when the region is heard', async () => {
    const world = await begins(all(alike), ['eu', 'ap']);
    await world.clock.advance(5_000);
    expect(world.count('early_buffered_total')).toBeGreaterThan(0);
    expect(cursor(world).stored).toBe(0);
    world.links.heal('eu', 'us');
    await world.clock.until(() => cursor(world).folded === 1, 'us has folded it', 300);
    expect(world.count('gaps_fetched_total')).toBe(0);
  });

  it('go on when a survivor that folds alike vouches for it', async () => {
    const world = await begins(all(alike), ['eu']);
    await world.clock.until(() => cursor(world).folded === 1, 'us has folded it', 300);
    expect(world.count('policy_uncompared_total')).toBe(0);
  });

  it('are parked where the survivor says that it folds them otherwise', async () => {
    const world = await begins(new Map([...all(alike), ['eu', otherwise]]), ['eu']);
    await world.clock.until(() => cursor(world).stored === 1, 'us has stored it', 300);
    await world.clock.advance(1_000);
    expect(cursor(world).folded).toBe(0);
    expect(world.count('events_parked_total')).toBeGreaterThan(0);
  });

  it('are taken in the end, loudly, where nobody is left to tell', async () => {
    const world = await begins(all(alike), ['eu', 'ap']);
    await world.clock.until(() => cursor(world).folded === 1, 'us has folded it', 15_000);
    expect(world.count('policy_uncompared_total')).toBe(2);
  });
});
