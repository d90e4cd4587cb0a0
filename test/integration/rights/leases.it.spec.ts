import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '#cli/dev/programs.js';
import { newMutationId } from '#client/mutation-id.js';
import { openFaultLab, type FaultLab } from '../faults/fault-lab.js';
import { until } from '../until.js';

const regions = ['us', 'eu', 'ap'];
const ticket = { type: 'ticket', id: 't' };

let lab: FaultLab;
beforeAll(async () => {
  const config = join(projectRoot(), 'dist', 'test', 'integration', 'rights', 'rights.config.js');
  lab = await openFaultLab(inject('devStack'), { regions, latency: 'none', config });
}, 120_000);
afterAll(() => lab?.close(), 60_000);

/** Answers the outcome's code: `ok`, or what it was refused with. */
async function change(region: string, op: string, by: number, maxWaitMillis: number): Promise<string> {
  try {
    await lab
      .client(region)
      .change(
        ticket,
        { operations: [{ field: 'left', op, by }] },
        { mutationId: newMutationId(region), maxWaitMillis },
      );
    return 'ok';
  } catch (error) {
    return String((error as { readonly code?: string }).code);
  }
}

async function left(region: string): Promise<unknown> {
  const read = await lab
    .client(region)
    .read(ticket, { maxWaitMillis: 1_000 })
    .catch(() => undefined);
  return (read?.value as { readonly left?: { readonly value: number } } | null | undefined)?.left?.value;
}

it('INV-12: a region that was stopped while others took its rights over spends none of them when it goes on', async () => {
  await until(async () => (await change('us', 'increment', 50, 3_000)) === 'ok');
  const all = await left('us');
  await until(async () => (await Promise.all(regions.map(left))).every((value) => value === all));
  const sleeper = lab.service('us');
  sleeper.signal('SIGSTOP');
  try {
    // It waits in the socket of the process that stands still, which knows nothing when it goes on.
    const early = Promise.all(Array.from({ length: 5 }, () => change('us', 'spend', 10, 3_000)));
    await until(async () => (await change('eu', 'spend', Number(all), 3_000)) === 'ok');
    sleeper.signal('SIGCONT');
    const late = Promise.all(Array.from({ length: 5 }, () => change('us', 'spend', 10, 3_000)));
    expect([...(await early), ...(await late)]).not.toContain('ok');
    await until(async () => (await Promise.all(regions.map(left))).every((value) => value === 0));
  } finally {
    sleeper.signal('SIGCONT');
  }
}, 90_000);
