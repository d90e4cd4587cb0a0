import type { Command } from 'commander';
import { changeMembers, type Membership } from '#client/admin.js';
import { exitCodes, usage } from '../terminal/exit.js';
import { addWhere, chosenRegion, readCount, regionsOf, type Invocation, type Where } from './invocation.js';

interface RegionFlags extends Where {
  readonly strongMember?: boolean;
  readonly witness?: boolean;
  readonly stopped?: boolean;
  readonly apply?: boolean;
  readonly maxWait: number;
}

export function addRegionCommands(program: Command, invocation: Invocation): void {
  const region = program.command('region').description('which regions decide in shards of strong entities');
  addChange(region, invocation, 'add')
    .description('let a region that is configured decide in strong shards')
    .option('--witness', 'it stores and promises, and is never the home of a shard');
  addChange(region, invocation, 'remove')
    .description('let a region decide in strong shards no more; it replicates as before')
    .option(
      '--stopped',
      'of two members: states that the other is stopped for good, or destroyed. Where that is not so, acknowledged writes are lost',
    );
}

function addChange(parent: Command, invocation: Invocation, change: 'add' | 'remove'): Command {
  return addWhere(parent.command(change).argument('<region>'))
    .option('--strong-member', 'as a member of strong shards: all that can be changed of a region so far')
    .option('--apply', 'do it; without it, only what would be done is shown')
    .option('--max-wait <millis>', 'how long it may wait for a majority', readCount, 20_000)
    .action((region: string, flags: RegionFlags) =>
      invocation.run(async (output) => {
        if (flags.strongMember !== true) throw usage('say what the region is to be: --strong-member');
        const others = regionsOf(flags).filter((one) => change === 'add' || one.region !== region);
        const asked = flags.region === undefined ? others : regionsOf(flags);
        const wanted = {
          ...{ change, region, dryRun: flags.apply !== true },
          ...(flags.witness === true && { witness: true }),
          ...(flags.stopped === true && { stopped: true }),
        };
        const done = await changeMembers(chosenRegion(flags, asked), wanted, flags.maxWait);
        output.answer(done, () => {
          output.say(`before: ${describe(done.before)}`);
          output.say(`after:  ${describe(done.after)}`);
          if (!done.applied)
            output.say(isSame(done) ? 'nothing is to be changed' : 'nothing was changed: add --apply');
        });
        return exitCodes.ok;
      }),
    );
}

function isSame({ before, after }: { readonly before: Membership; readonly after: Membership }): boolean {
  return before.number === after.number;
}

/** `2: us, eu, ap (witness)` */
export function describe({ number, members }: Membership): string {
  const names = members.map(({ region, witness }) => (witness ? `${region} (witness)` : region));
  return `${number}: ${names.join(', ')}`;
}
