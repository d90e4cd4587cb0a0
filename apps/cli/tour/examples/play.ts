import { newMutationId } from '#client/mutation-id.js';
import type { EntityRef, Json, JsonObject, WriteResult } from '#client/wire.js';
import { untilAnswered } from '#client/until-answered.js';
import { writeUntilKnown, type WriteEnd } from '#client/write-until-known.js';
import { CommandFailed, exitCodes } from '../../terminal/exit.js';
import type { Table } from '../../terminal/table.js';
import { startClient } from '../../load/sequential-client.js';
import { clientOf, journalWrite, partOf, wasDenied, type Workload } from '../../load/workload.js';
import type { Acts, Cast, Example, Expectation, Stage } from './example.js';

/** What is asked of the other regions does not come while the links are cut: it need not be waited for long. */
const attemptWaitMillis = 250;

const wholeValue = [{ field: '*', take: (value: Json): Json => value }];

export interface PlayedExample {
  readonly name: string;
  readonly lesson: string;
  readonly passed: boolean;
  readonly expectations: readonly Expectation[];
  readonly table: Table;
}

export interface Play {
  readonly workload: Workload;
  readonly run: string;
  readonly regions: readonly string[];
  /** Cuts every link between any two regions, and heals them. */
  part(): Promise<void>;
  heal(): Promise<void>;
  /** Waits until every region has everything. */
  converge(): Promise<void>;
}

/** Plays all examples at once, act by act: what is written while the regions are apart is surely concurrent. */
export async function playExamples(
  play: Play,
  examples: readonly Example[],
): Promise<readonly PlayedExample[]> {
  const stage = openStage(play);
  const all = (act: (example: Example) => Promise<unknown> | undefined): Promise<unknown> =>
    Promise.all(examples.map(async (example) => act(example)));
  const readAll = (): Promise<readonly ByRegion[]> =>
    Promise.all(examples.map((example) => readEverywhere(play, example.entity(stage))));

  await all((example) => example.prepare?.(stage));
  await play.converge();
  await play.part();
  let apart: readonly ByRegion[];
  try {
    await all((example) => example.apart(stage));
    apart = await readAll();
  } finally {
    await play.heal();
  }
  await play.converge();
  const together = await readAll();
  await all((example) => example.decide?.(stage));
  await play.converge();
  const decided = await readAll();

  return Promise.all(
    examples.map(async (example, index) => {
      const acts: Acts = {
        apart: apart[index] ?? {},
        together: together[index] ?? {},
        ...(example.decide === undefined ? {} : { decided: decided[index] ?? {} }),
      };
      const expectations = await example.expect(stage, acts);
      const passed = expectations.every(({ holds }) => holds);
      return {
        name: example.name,
        lesson: example.lesson,
        passed,
        expectations,
        table: tableOf(play, example, acts),
      };
    }),
  );
}

type ByRegion = Readonly<Record<string, JsonObject | null>>;

async function readEverywhere(play: Play, entity: EntityRef): Promise<ByRegion> {
  const reads = play.regions.map(async (region) => {
    const { value } = await untilAnswered(() => clientOf(play.workload, region).read(entity));
    return [region, value] as const;
  });
  return Object.fromEntries(await Promise.all(reads));
}

function tableOf({ regions }: Play, example: Example, acts: Acts): Table {
  const row = (act: string, values: ByRegion): readonly string[] => [
    act,
    ...regions.map((region) => example.show(values[region] ?? null)),
  ];
  return {
    columns: ['', ...regions],
    rows: [
      row('cut off', acts.apart),
      row('healed', acts.together),
      ...(acts.decided === undefined ? [] : [row('afterwards', acts.decided)]),
    ],
  };
}

function written(end: WriteEnd): WriteResult {
  if (end.kind === 'ok') return end.write;
  throw new CommandFailed(exitCodes.failedCheck, `an example could not be written: ${end.error.message}`);
}

/** What needs one place that decides. */
function strongActs(workload: Workload): Pick<Stage, 'readStrong' | 'awaitStrong' | 'swap'> {
  return {
    async readStrong(region, entity) {
      const client = startClient(workload, { consistency: 'strong', maxWaitMillis: attemptWaitMillis });
      return (await client.look(region, entity, wholeValue)).answer;
    },
    awaitStrong: (region, entity) =>
      untilAnswered(() => clientOf(workload, region).read(entity, { consistency: 'strong' })),
    async swap(region, { type, id, value, version }, field, wanted) {
      const expected = value?.[field] ?? null;
      const asked = { entity: { type, id }, field, expected, value: wanted, version };
      const { end } = await startClient(workload).swap(region, asked);
      if (wasDenied(end)) return false;
      written(end);
      return true;
    },
  };
}

function openStage({ workload, run, regions }: Play): Stage {
  const [first = '', second = first, third = second] = regions;
  const cast: Cast = [first, second, third];
  return {
    cast,
    id: (name) => `${name}.${run}`,
    async write(region, entity, ...operations) {
      return written((await startClient(workload).change(region, { entity, operations })).end);
    },
    async attempt(region, entity, operation) {
      const client = startClient(workload, { maxWaitMillis: attemptWaitMillis });
      const { end } = await client.change(region, { entity, operations: [operation] });
      if (wasDenied(end)) return false;
      written(end);
      return true;
    },
    ...strongActs(workload),
    async remove(region, entity) {
      return written((await startClient(workload).remove(region, entity)).end);
    },
    async writeTwice(near, far, entity, operation) {
      const mutationId = newMutationId(near);
      const process = workload.nextProcess();
      const invoked = workload.journal.nanoseconds();
      const ends: WriteEnd[] = [];
      for (const region of [near, far]) {
        ends.push(
          await writeUntilKnown(
            [clientOf(workload, region)],
            (client) => client.change(entity, { operations: [operation] }, { mutationId }),
            { deadlineMillis: workload.patienceMillis },
          ),
        );
      }
      const end = ends.find(({ kind }) => kind === 'ok') ?? (ends[0] as WriteEnd);
      const parts = [partOf(entity, operation)];
      journalWrite(workload, { process, sessionName: null, region: near, parts, mutationId, invoked, end });
      written(end);
    },
    async conflicts(region, { type, id }) {
      const page = await untilAnswered(() => clientOf(workload, region).conflicts({ type, id, limit: 100 }));
      return page.conflicts;
    },
    async resolve(region, conflict, operation) {
      const entity = { type: conflict.type, id: conflict.entityId };
      const mutationId = newMutationId(region);
      const invoked = workload.journal.nanoseconds();
      const end = await writeUntilKnown(
        [clientOf(workload, region)],
        (client) => client.resolve(conflict.id, { operations: [operation] }, { mutationId }),
        { deadlineMillis: workload.patienceMillis },
      );
      const parts = [partOf(entity, operation)];
      const process = workload.nextProcess();
      journalWrite(workload, { process, sessionName: null, region, parts, mutationId, invoked, end });
      return written(end);
    },
  };
}
