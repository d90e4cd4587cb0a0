import type { Command } from 'commander';
import type { Conflict, ConflictSide, Json } from '#client/wire.js';
import { exitCodes } from '../terminal/exit.js';
import { showWrite, writeOptions } from './entities.js';
import { addWhere, chosenRegion, readCount, regionsOf, type Invocation, type Where } from './invocation.js';
import { addOperations, readOperations, type OperationFlags } from './operations.js';

interface ListFlags extends Where {
  readonly type?: string;
  readonly id?: string;
  readonly open?: boolean;
  readonly after?: string;
  readonly limit: number;
}

interface ResolveFlags extends Where, OperationFlags {
  readonly mutationId?: string;
}

export function addConflictCommands(program: Command, invocation: Invocation): void {
  const conflicts = program
    .command('conflicts')
    .description('changes that did not know of each other and clash');

  addWhere(conflicts.command('list').description('conflicts that a region has recorded, newest first'))
    .option('--type <type>', 'of entities of this type')
    .option('--id <id>', 'of this entity')
    .option('--open', 'not resolved by anybody')
    .option('--after <place>', 'go on where the last page said')
    .option('--limit <count>', 'at most so many', readCount, 50)
    .action((flags: ListFlags) =>
      invocation.run(async (output) => {
        const { type, id, open, after, limit } = flags;
        const page = await chosenRegion(flags, regionsOf(flags)).conflicts({
          limit,
          ...(type === undefined ? {} : { type }),
          ...(id === undefined ? {} : { id }),
          ...(open === true ? { unresolved: true } : {}),
          ...(after === undefined ? {} : { after }),
        });
        output.answer(page, () => {
          output.table(conflictTable(page.conflicts));
          if (page.next !== null) output.say(`more: --after ${page.next}`);
        });
        return exitCodes.ok;
      }),
    );

  addWhere(
    conflicts.command('show').description('one conflict, with both changes').argument('<conflict>'),
  ).action((id: string, flags: Where) =>
    invocation.run(async (output) => {
      const conflict = await chosenRegion(flags, regionsOf(flags)).conflict(id);
      output.answer(conflict, () => output.say(JSON.stringify(conflict, null, 2)));
      return exitCodes.ok;
    }),
  );

  addOperations(
    addWhere(
      conflicts
        .command('resolve')
        .description('write what a person decided; the conflict is then resolved in every region')
        .argument('<conflict>'),
    ),
  )
    .option('--mutation-id <id>', 'of an earlier try of the same command')
    .action((id: string, flags: ResolveFlags) =>
      invocation.run(async (output) => {
        const operations = readOperations(flags);
        const region = chosenRegion(flags, regionsOf(flags));
        const written = await region.resolve(id, { operations }, writeOptions(flags, region.region));
        output.answer(written, () => showWrite(written, output));
        return exitCodes.ok;
      }),
    );
}

function conflictTable(conflicts: readonly Conflict[]) {
  return {
    columns: ['found', 'conflict', 'entity', 'field', 'lower', 'higher', 'resolved by'],
    rows: conflicts.map(({ id, type, entityId, field, low, high, resolvedBy, detectedMillis }) => [
      new Date(detectedMillis).toISOString(),
      id,
      `${type}/${entityId}`,
      field,
      sideText(low),
      sideText(high),
      resolvedBy ?? '',
    ]),
  };
}

/** `eu: {"value":"AUTUMN"}`: whose it was, and what it did; all else is for `conflicts show`. */
function sideText({ dot, change }: ConflictSide): string {
  const region = dot.slice(0, Math.max(0, dot.indexOf('~')));
  const { kind, changes } = (change ?? {}) as { readonly kind?: Json; readonly changes?: Json };
  if (kind === 'delete') return `${region}: delete`;
  const done = Array.isArray(changes) ? changes : [change];
  return `${region}: ${done.map((one) => JSON.stringify(one)).join(', ')}`;
}
