import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFailed, vi } from 'vitest';
import type { EntityRead, EntityRef, FieldOperation, WriteResult } from '#client/wire.js';
import { createBetween, newMembership, startSite, type Site } from './site.js';

/** After a heal both sides have to notice, reconnect and fetch what is missing; TCP alone may take seconds for that. */
const healMillisMax = 90_000;
/** The longest that a region waits for one read. */
const readMillisMax = 30_000;

let between: Awaited<ReturnType<typeof createBetween>>;
let us: Site;
let eu: Site;

beforeAll(async () => {
  between = await createBetween();
  const membership = newMembership(['us', 'eu']);
  [us, eu] = await Promise.all([
    startSite('us', between.name, membership),
    startSite('eu', between.name, membership),
  ]);
});

afterAll(async () => {
  for (const site of [us, eu] as readonly (Site | undefined)[]) await site?.stop();
  await between.remove();
});

const ada: EntityRef = { type: 'profile', id: 'ada' };
const cart: EntityRef = { type: 'cart', id: 'ada' };

const setName = (value: string): FieldOperation => ({ field: 'name', op: 'set', value });
const addLine = (key: string, by: number): FieldOperation => ({
  field: 'lines',
  op: 'at',
  key,
  then: { op: 'increment', by },
});

function write(site: Site, entity: EntityRef, operation: FieldOperation): Promise<WriteResult> {
  return site.client.change(entity, { operations: [operation] }, { mutationId: randomUUID() });
}

/** Reads no less than what another region had answered, and waits for it. */
function readAfter(site: Site, entity: EntityRef, written: WriteResult): Promise<EntityRead> {
  const read = (): Promise<EntityRead> =>
    site.client.read(entity, { session: written.session, maxWaitMillis: readMillisMax });
  return vi.waitFor(read, { timeout: healMillisMax });
}

const conflictIds = async (site: Site): Promise<string[]> =>
  (await site.client.conflicts({ ...ada })).conflicts.map(({ id }) => id).sort();

describe('two regions in containers', () => {
  it('take writes while they are cut off, and converge with one recorded conflict when healed', async () => {
    onTestFailed(async () => {
      for (const site of [us, eu]) process.stdout.write(`\n-- ${site.client.region}\n${await site.logs()}\n`);
    });

    const first = await write(us, ada, setName('Ada'));
    expect((await readAfter(eu, ada, first)).value).toMatchObject({ name: 'Ada' });

    await eu.cut();
    const [inUs, inEu] = [
      await write(us, ada, setName('Ada L.')),
      await write(eu, ada, setName('Ada K.')),
    ] as const;
    const [teaInUs, teaInEu] = [
      await write(us, cart, addLine('tea', 2)),
      await write(eu, cart, addLine('tea', 3)),
    ] as const;
    expect((await us.client.read(ada)).value).toMatchObject({ name: 'Ada L.' });
    expect((await eu.client.read(ada)).value).toMatchObject({ name: 'Ada K.' });
    const covered = us.client.read(ada, { session: inEu.session, maxWaitMillis: 500 });
    await expect(covered).rejects.toMatchObject({ code: 'not_covered_yet' });
    expect(await conflictIds(us)).toEqual([]);

    await eu.heal();
    const [usAda, euAda] = await Promise.all([readAfter(us, ada, inEu), readAfter(eu, ada, inUs)]);
    const [usCart, euCart] = await Promise.all([readAfter(us, cart, teaInEu), readAfter(eu, cart, teaInUs)]);

    expect(['Ada L.', 'Ada K.']).toContain(usAda.value?.name);
    expect(euAda.value).toEqual(usAda.value);
    expect(euAda.version).toBe(usAda.version);
    expect(usCart.value).toMatchObject({ lines: { tea: 5 } });
    expect(euCart.value).toEqual(usCart.value);
    const ids = await conflictIds(us);
    expect(ids).toHaveLength(1);
    expect(await conflictIds(eu)).toEqual(ids);
  });

  it('refuse a caller without a token', async () => {
    const answer = await fetch(`${us.client.url}/v1/entities/profile/ada`);
    expect(answer.status).toBe(401);
  });
});
