import { InvalidArgumentError, type Command } from 'commander';
import { handOver } from '#client/admin.js';
import { exitCodes } from '../terminal/exit.js';
import { addWhere, chosenRegion, regionsOf, type Invocation, type Where } from './invocation.js';

interface HandoverFlags extends Where {
  readonly to: string;
  readonly force?: boolean;
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
    .action((shard: number, flags: HandoverFlags) =>
      invocation.run(async (output) => {
        const region = chosenRegion({ ...flags, region: flags.region ?? flags.to }, regionsOf(flags));
        const done = await handOver(region, { shard, to: flags.to, force: flags.force === true });
        output.answer(done, () => output.say(`shard ${done.shard}: home ${done.home}, epoch ${done.epoch}`));
        return exitCodes.ok;
      }),
    );
}
