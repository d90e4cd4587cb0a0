import { InvalidArgumentError, type Command } from 'commander';
import { handOver } from '#client/admin.js';
import { exitCodes } from '../terminal/exit.js';
import { addWhere, chosenRegion, regionsOf, type Invocation, type Where } from './invocation.js';

interface HandoverFlags extends Where {
  readonly to: string;
  readonly force?: boolean;
  readonly apply?: boolean;
}

function readShard(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be the number of a shard.');
  return Number(text);
}

export function addHandoverCommand(program: Command, invocation: Invocation): void {
  addWhere(
    program
      .command('handover')
      .description('make another region the home of a shard of strong entities')
      .argument('<shard>', 'its number', readShard),
  )
    .requiredOption('--to <region>', 'the region that becomes the home')
    .option('--force', 'without asking the home first: for a home that does not answer')
    .option('--apply', 'do it; without it, only what is there is shown')
    .action((shard: number, flags: HandoverFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion({ ...flags, region: flags.region ?? flags.to }, regionsOf(flags));
        const { to, force = false, apply = false } = flags;
        const done = await handOver(region, { shard, to, force, dryRun: !apply });
        output.answer(done, () => {
          output.say(`shard ${done.shard}: home ${done.home ?? 'none'}, epoch ${done.epoch || 'none'}`);
          if (!done.applied)
            output.say(done.home === to ? 'nothing is to be changed' : 'nothing was changed: add --apply');
        });
        return exitCodes.ok;
      }),
    );
}
