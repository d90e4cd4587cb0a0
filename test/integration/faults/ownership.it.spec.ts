import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type {} from '../global-setup.js';
import { readTopology } from '#client/admin.js';
import { openFaultLab, type FaultLab } from './fault-lab.js';
import { until } from '../until.js';
import { convergeAndJudge, startSteadyLoad } from './steady-load.js';

const minute = 60_000;
/** Longer than any lease: the sleeper wakes up in a region that has long gone on without it. */
const asleepMillis = 20_000;

describe('two service processes in one region', () => {
  let lab: FaultLab;

  beforeAll(async () => {
    lab = await openFaultLab(inject('devStack'), {
      regions: ['us', 'eu'],
      latency: 'none',
      processes: { us: 2 },
    });
  }, 2 * minute);
  afterAll(() => lab?.close());

  const ownedBy = async (index: number): Promise<number> => {
    const client = lab.clientsOf('us')[index];
    if (client === undefined) throw new Error(`us has no process ${index}`);
    return (await readTopology(client)).owned.length;
  };

  it(
    'lose and double nothing when one is killed, and one sleeps for 20 s and wakes up as a zombie',
    async () => {
      await until(async () => (await ownedBy(0)) > 0 && (await ownedBy(1)) > 0);
      const load = await startSteadyLoad(lab, { perSecond: 220, clientsPerRegion: 16 });
      await until(() => load.done() > 500);

      await lab.killService('us', 0);
      await until(async () => (await ownedBy(1)) === 16);
      await lab.startService('us', 0);
      await until(async () => (await ownedBy(0)) > 0);

      const sleeper = lab.service('us', 1);
      sleeper.signal('SIGSTOP');
      const wakesAt = performance.now() + asleepMillis;
      await until(async () => (await ownedBy(0)) === 16);
      const whenTaken = load.done();
      await pause(wakesAt - performance.now());
      expect(load.done()).toBeGreaterThan(whenTaken + 1_000);
      sleeper.signal('SIGCONT');
      await until(async () => (await ownedBy(0)) + (await ownedBy(1)) >= 16);
      const whenAwake = load.done();
      await until(() => load.done() > whenAwake + 500);

      await load.stop();
      const verdict = await convergeAndJudge(lab, load);
      expect(verdict.findings).toEqual([]);
      expect(verdict).toMatchObject({ lostWrites: 0, doubleApplied: 0, phantoms: 0, differences: 0 });
      expect(verdict.looked.acknowledged).toBeGreaterThan(5_000);
    },
    3 * minute,
  );
});
