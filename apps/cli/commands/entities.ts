import type { Command } from 'commander';
import { newMutationId } from '#client/mutation-id.js';
import { NoAnswer } from '#client/errors.js';
import type { CallOptions, RegionClient, WriteOptions } from '#client/region-client.js';
import type { EntityRead, EntityRef, HistoryEntry, WriteResult } from '#client/wire.js';
import { exitCodes } from '../terminal/exit.js';
import type { Output } from '../terminal/output.js';
import { addHistoryExport } from './history-export.js';
import { addWhere, chosenRegion, readCount, regionsOf, type Invocation, type Where } from './invocation.js';
import { addOperations, readOperations, type OperationFlags } from './operations.js';

interface GetFlags extends Where {
  readonly session?: string;
  readonly consistency?: string;
  readonly maxWait?: number;
  readonly everywhere?: boolean;
}

interface ChangeFlags extends Where, OperationFlags {
  readonly consistency?: string;
  readonly acks?: string;
  readonly maxWait?: number;
  readonly session?: string;
  readonly mutationId?: string;
  readonly observed?: string;
  readonly ifMatch?: string;
}

interface HistoryFlags extends Where {
  readonly limit: number;
  readonly offset: number;
}

const sessionOption = ['--session <token>', 'wait for what this token depends on'] as const;
const acksOption = [
  '--acks <count>',
  'in how many other regions it must be stored: local, 1, majority or all',
] as const;

const maxWaitOption = ['--max-wait <millis>', 'how long it may wait for what was asked', readCount] as const;

const causalOption = [
  '--consistency <level>',
  "'causal': show it nowhere before what the session depends on",
] as const;

/** `atoll get`, `change`, `delete` and `history`: one entity. */
export function addEntityCommands(program: Command, invocation: Invocation): void {
  const ofEntity = (name: string, description: string): Command =>
    addWhere(program.command(name).description(description).argument('<type>').argument('<id>'));

  addGet(ofEntity('get', 'read an entity'), invocation);

  addOperations(ofEntity('change', 'change an entity: all operations together, or none'))
    .option(...sessionOption)
    .option('--mutation-id <id>', 'of an earlier try of the same command')
    .option('--observed <version>', 'the version that was read: what a multi-value write replaces')
    .option('--if-match <version>', 'refuse unless the region still has this version')
    .option(...causalOption)
    .option(...acksOption)
    .option(...maxWaitOption)
    .action((type: string, id: string, flags: ChangeFlags) =>
      invocation.run(async (output) => {
        const operations = readOperations(flags);
        const region = chosenRegion(flags, regionsOf(flags));
        const { observed } = flags;
        const body = { operations, ...(observed === undefined ? {} : { observed: bareVersion(observed) }) };
        const written = await region.change({ type, id }, body, writeOptions(flags, region.region));
        output.answer(written, () => showWrite(written, output));
        return exitCodes.ok;
      }),
    );

  ofEntity('delete', 'delete an entity')
    .option(...sessionOption)
    .option('--mutation-id <id>', 'of an earlier try of the same command')
    .option('--if-match <version>', 'refuse unless the region still has this version')
    .option(...causalOption)
    .option(...acksOption)
    .option(...maxWaitOption)
    .action((type: string, id: string, flags: ChangeFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion(flags, regionsOf(flags));
        const written = await region.remove({ type, id }, writeOptions(flags, region.region));
        output.answer(written, () => showWrite(written, output));
        return exitCodes.ok;
      }),
    );

  const history = ofEntity('history', 'the events of an entity, newest first, and how the region merged them')
    .option('--limit <count>', 'at most so many', readCount, 20)
    .option('--offset <count>', 'leave out the newest', readCount, 0)
    .action((type: string, id: string, flags: HistoryFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion(flags, regionsOf(flags));
        const page = await region.history({ type, id }, { limit: flags.limit, offset: flags.offset });
        output.answer(page, () => showHistory(page.entries, output));
        return exitCodes.ok;
      }),
    );
  addHistoryExport(history, invocation);
}

function addGet(command: Command, invocation: Invocation): void {
  command
    .option(...sessionOption)
    .option(
      '--consistency <level>',
      'at least: eventual, session, causal, bounded;max=<n>ms, quorum, or strong for types so declared',
    )
    .option(...maxWaitOption)
    .option('--everywhere', 'in every region')
    .action((type: string, id: string, flags: GetFlags) =>
      invocation.run(async (output) => {
        const all = regionsOf(flags);
        const { session, consistency, maxWait } = flags;
        const options = {
          ...(session === undefined ? {} : { session }),
          ...(consistency === undefined ? {} : { consistency }),
          ...(maxWait === undefined ? {} : { maxWaitMillis: maxWait }),
        };
        if (flags.everywhere === true) {
          const reads = await Promise.all(all.map((region) => readOrTell(region, { type, id }, options)));
          output.answer(reads, () => showReads(reads, output));
          if (reads.some((read) => 'error' in read)) return exitCodes.unreachable;
          return reads.some((read) => 'value' in read && read.value !== null)
            ? exitCodes.ok
            : exitCodes.refused;
        }
        const read = await chosenRegion(flags, all).read({ type, id }, options);
        output.answer(read, () => showReads([read], output));
        return read.value === null ? exitCodes.refused : exitCodes.ok;
      }),
    );
}

export function writeOptions(
  flags: Pick<ChangeFlags, 'mutationId' | 'session' | 'ifMatch' | 'acks' | 'maxWait' | 'consistency'>,
  region: string,
): WriteOptions {
  const { mutationId = newMutationId(region), session, ifMatch, acks, maxWait, consistency } = flags;
  return {
    mutationId,
    ...(session === undefined ? {} : { session }),
    ...(ifMatch === undefined ? {} : { ifMatch: bareVersion(ifMatch) }),
    ...(acks === undefined ? {} : { acks }),
    ...(maxWait === undefined ? {} : { maxWaitMillis: maxWait }),
    ...(consistency === undefined ? {} : { consistency }),
  };
}

/** A version as it is shown, or between the quotes of an ETag. */
function bareVersion(text: string): string {
  return /^"(.*)"$/.exec(text)?.[1] ?? text;
}

/** A region that does not answer. */
interface Unread {
  readonly region: string;
  readonly error: string;
}

/** One region that is away keeps nobody from seeing the others. */
async function readOrTell(
  region: RegionClient,
  entity: EntityRef,
  options: CallOptions,
): Promise<EntityRead | Unread> {
  try {
    return await region.read(entity, options);
  } catch (error) {
    if (error instanceof NoAnswer) return { region: region.region, error: error.message };
    throw error;
  }
}

function showReads(reads: readonly (EntityRead | Unread)[], output: Output): void {
  for (const read of reads) {
    if ('error' in read) {
      output.say(`${read.region}: unreachable; ${read.error}`);
      continue;
    }
    const { region, value, version, conflicts, quarantined, stalenessMs } = read;
    const notes = [
      `version ${version}`,
      ...(conflicts.length > 0 ? [`conflicts to decide: ${conflicts.join(', ')}`] : []),
      ...(quarantined ? ['quarantined'] : []),
      ...(stalenessMs === null ? [] : [`at most ${stalenessMs} ms old`]),
    ];
    output.say(`${region}: ${notes.join('; ')}`);
    output.say(value === null ? 'never written, or deleted' : JSON.stringify(value, null, 2));
  }
}

export function showWrite(written: WriteResult, output: Output): void {
  const { dot, version, mutationId, replayed, region, confirmed } = written;
  output.say(`${region}: ${replayed ? 'stored before' : 'stored'} as ${dot}`);
  output.say(`version ${version}, mutation ${mutationId}`);
  if (confirmed.length > 0) output.say(`stored in ${confirmed.join(', ')} too`);
}

function showHistory(entries: readonly HistoryEntry[], output: Output): void {
  output.table({
    columns: ['dot', 'stamped', 'merged', 'context', 'what'],
    rows: entries.map((entry) => [
      entry.dot,
      new Date(entry.time.wallMillis).toISOString(),
      entry.reason === null ? entry.merged : `${entry.merged} (${entry.reason})`,
      Object.entries(entry.context)
        .map(([actor, seq]) => `${actor}:${seq}`)
        .join(' '),
      entry.kind === 'delete'
        ? 'delete'
        : entry.changes.map((one) => `${one.field} ${JSON.stringify(one.change)}`).join(', '),
    ]),
  });
}
