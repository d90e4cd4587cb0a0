import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type {} from '../global-setup.js';
import { cutBetween, healBetween } from '#cli/dev/links.js';
import { seeded } from '../../bench/load/seeded.js';
import { openFaultLab, type FaultLab } from './fault-lab.js';
import { convergeAndJudge, startSteadyLoad } from './steady-load.js';

type Target = 'service' | 'postgres' | 'kafka';

interface Kill {
  readonly target: Target;
  readonly region: string;
  /** A link of that region is cut meanwhile. */
  readonly cutTo: string | undefined;
  readonly calmMillis: number;
  readonly downMillis: number;
}

const regions = ['us', 'eu', 'ap'];
const suiteMillisMax = 240_000;

/** One seed, one plan: at least three kills of each kind, and two of the ten while a link is cut. */
function planKills(seed: number): readonly Kill[] {
  const random = seeded(seed);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const kinds: readonly Target[] = ['service', 'postgres', 'kafka'];
  const targets = [...kinds, ...kinds, ...kinds, pick(kinds)]
    .map((target) => ({ target, at: random() }))
    .toSorted((a, b) => a.at - b.at);
  const whileCut = new Set([pick([1, 2, 3, 4]), pick([5, 6, 7, 8])]);
  return targets.map(({ target }, index) => {
    const region = pick(regions);
    const cutTo = whileCut.has(index) ? pick(regions.filter((other) => other !== region)) : undefined;
    return {
      target,
      region,
      cutTo,
      calmMillis: 1_000 + random() * 1_500,
      downMillis: 300 + random() * 2_000,
    };
  });
}

async function carryOut(lab: FaultLab, kill: Kill): Promise<void> {
  const { target, region, cutTo, calmMillis, downMillis } = kill;
  await pause(calmMillis);
  if (cutTo !== undefined) await cutBetween(lab.stack, region, cutTo);
  await (target === 'service' ? lab.killService(region) : lab.stack.kill(region, target));
  await pause(downMillis);
  await (target === 'service' ? lab.startService(region) : lab.stack.start(region, target));
  if (cutTo !== undefined) await healBetween(lab.stack, region, cutTo);
}

describe('ten kills during a replay', () => {
  let lab: FaultLab;

  beforeAll(async () => {
    lab = await openFaultLab(inject('devStack'), { regions, latency: 'global' });
  }, suiteMillisMax);
  afterAll(() => lab?.close());

  it(
    'of services, databases and brokers lose no acknowledged write and apply none twice',
    async () => {
      const seed = Number(process.env['ATOLL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      console.log(`kills: ATOLL_SEED=${seed}`);
      const kills = planKills(seed);
      const load = await startSteadyLoad(lab, { perSecond: 260, clientsPerRegion: 24 });
      for (const kill of kills) {
        const begun = performance.now();
        await carryOut(lab, kill);
        const seconds = ((performance.now() - begun) / 1000).toFixed(1);
        const cut = kill.cutTo === undefined ? '' : `, ${kill.region}<->${kill.cutTo} cut`;
        console.log(
          `kills: ${kill.target} of ${kill.region}${cut}: back after ${seconds} s, ${load.done()} commands`,
        );
      }
      const { commands, perSecond } = await load.stop();
      console.log(`kills: ${commands} commands, ${perSecond.toFixed(0)} a second`);
      const verdict = await convergeAndJudge(lab, load);
      console.log(`kills: ${JSON.stringify(verdict.looked)}, ${verdict.aliases} aliases`);
      expect(verdict.findings).toEqual([]);
      expect(verdict).toMatchObject({ lostWrites: 0, doubleApplied: 0, phantoms: 0, differences: 0 });
      expect(perSecond).toBeGreaterThanOrEqual(200);
      expect(kills.filter(({ target }) => target === 'service').length).toBeGreaterThanOrEqual(3);
      expect(kills.filter(({ cutTo }) => cutTo !== undefined).length).toBeGreaterThanOrEqual(2);
    },
    suiteMillisMax,
  );
});
