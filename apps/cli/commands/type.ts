import { Option, type Command } from 'commander';
import { moveType, readTypes, type Consistency, type ShardMode } from '#client/admin.js';
import { exitCodes } from '../terminal/exit.js';
import { addWhere, chosenRegion, readCount, regionsOf, type Invocation, type Where } from './invocation.js';

interface MoveFlags extends Where {
  readonly to: Consistency;
  readonly abort?: boolean;
  readonly apply?: boolean;
  readonly maxWait: number;
}

export function addTypeCommands(program: Command, invocation: Invocation): void {
  const type = program.command('type').description('how entity types are written: eventual or strong');
  addWhere(
    type.command('status').description('what each type is by now, and which moves are under way'),
  ).action((flags: Where) =>
    invocation.run(async (output) => {
      const standing = await readTypes(chosenRegion(flags, regionsOf(flags)));
      output.answer(standing, () => {
        for (const { type: name, declared, shards } of standing.types)
          output.say(`${name}: ${describeShards(shards)} (declared ${declared})`);
      });
      return exitCodes.ok;
    }),
  );
  addWhere(type.command('move').description('move a type to the other while it is served').argument('<type>'))
    .addOption(
      new Option('--to <consistency>', 'what it is to be')
        .choices(['strong', 'eventual'])
        .makeOptionMandatory(),
    )
    .option('--abort', 'take such a move back that is not over')
    .option('--apply', 'do it; without it, only where the type stands is shown')
    .option('--max-wait <millis>', 'how long to wait until it is over', readCount, 20_000)
    .action((name: string, flags: MoveFlags) =>
      invocation.run(async (output) => {
        const { to, abort = false, apply = false } = flags;
        const asked = { type: name, to, abort, dryRun: !apply };
        const moved = await moveType(chosenRegion(flags, regionsOf(flags)), asked, flags.maxWait);
        output.answer(moved, () => {
          output.say(`${name}: ${describeShards(moved.shards)}`);
          if (moved.done) output.say(`it is ${moved.goal} in all shards`);
          else if (!moved.applied) output.say('nothing was changed: add --apply');
          else output.say(`it is not ${moved.goal} in all shards yet; what is begun goes on by itself`);
        });
        return moved.done || !moved.applied ? exitCodes.ok : exitCodes.notConverged;
      }),
    );
}

/** `eventual in 15 shards, closing in 1 (3; closed by eu, us)` */
export function describeShards(shards: readonly ShardMode[]): string {
  const byMode = Map.groupBy(shards, ({ mode }) => mode);
  return [...byMode]
    .map(([mode, of]) => {
      const count = `${mode} in ${of.length} ${of.length === 1 ? 'shard' : 'shards'}`;
      if (mode !== 'closing') return count;
      return `${count} (${of.map(({ shard, closed }) => `${shard}: closed by ${closed.join(', ') || 'nobody'}`).join('; ')})`;
    })
    .join(', ');
}
