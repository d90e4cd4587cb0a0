import type { Command } from 'commander';
import { drainRights, reclaimRights, type RightsRun } from '#client/admin.js';
import { exitCodes } from '../terminal/exit.js';
import type { Output } from '../terminal/output.js';
import { addWhere, chosenRegion, regionsOf, type Invocation, type Where } from './invocation.js';

interface DrainFlags extends Where {
  readonly to: string;
  readonly apply?: boolean;
}

interface ReclaimFlags extends Where {
  readonly from: string;
  readonly databaseIsDestroyed?: boolean;
  readonly apply?: boolean;
}

export function addRightsCommands(program: Command, invocation: Invocation): void {
  const rights = program.command('rights').description('who may use what of bounded counters');
  addWhere(rights.command('drain').description("hand a region's rights on, before it is taken down"))
    .requiredOption('--to <region>', 'the region that gets them')
    .option('--apply', 'do it; without it, only what would be done is shown')
    .action((flags: DrainFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion(flags, regionsOf(flags));
        return tell(output, await drainRights(region, { to: flags.to, dryRun: flags.apply !== true }));
      }),
    );
  addWhere(rights.command('reclaim').description('take the rights of a region over that is lost for ever'))
    .requiredOption('--from <region>', 'the region that is lost')
    .requiredOption('--database-is-destroyed', 'your statement: nothing of it will ever come back')
    .option('--apply', 'do it; without it, only what would be done is shown')
    .action((flags: ReclaimFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion(flags, regionsOf(flags));
        const asked = { from: flags.from, dryRun: flags.apply !== true };
        return tell(output, await reclaimRights(region, asked));
      }),
    );
}

/** What was begun and is not over yet is no success: it is asked for again. */
function tell(output: Output, run: RightsRun): number {
  const isDone = run.counters.every(({ done }) => done) && run.found === run.counters.length;
  output.answer(run, () => {
    for (const { type, id, actor, spend, increment, done } of run.counters)
      output.say(
        `${type}/${id}: ${actor} holds ${spend} to spend, ${increment} to increment${done ? ', moved' : ''}`,
      );
    output.say(`${run.found} counters${run.applied ? '' : '; nothing was changed: add --apply'}`);
  });
  return !run.applied || isDone ? exitCodes.ok : exitCodes.notConverged;
}
