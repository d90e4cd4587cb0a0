import type { Command } from 'commander';
import { NoAnswer } from '#client/errors.js';
import type { RegionClient } from '#client/region-client.js';
import type { Notice } from '#client/wire.js';
import { exitCodes } from '../terminal/exit.js';
import { pause, type Output } from '../terminal/output.js';
import { addWhere, chosenRegion, readCount, regionsOf, type Invocation, type Where } from './invocation.js';

interface WatchFlags extends Where {
  readonly type?: string;
  readonly after?: string;
  readonly count?: number;
}

/** Between two tries to go on where a connection was lost. */
const againMillis = 1_000;

export function addWatchCommand(program: Command, invocation: Invocation): void {
  addWhere(program.command('watch').description('what changes in a region, as it happens, until Ctrl-C'))
    .option('--type <type>', 'of entities of this type')
    .option('--after <position>', 'go on after this position, from any region; without it, from now on')
    .option('--count <count>', 'end after so many', readCount)
    .action((flags: WatchFlags) =>
      invocation.run(async (output) => {
        await watch(chosenRegion(flags, regionsOf(flags)), flags, output);
        return exitCodes.ok;
      }),
    );
}

/** Goes on where it was when the connection is lost. Throws what the region refuses, and NoAnswer when it never answered. */
async function watch(region: RegionClient, flags: WatchFlags, output: Output): Promise<void> {
  let { after } = flags;
  let left = flags.count ?? Infinity;
  const enough = Promise.withResolvers<void>();
  const { readerGone } = output;
  readerGone.addEventListener('abort', () => enough.resolve());
  const wantsMore = (): boolean => left > 0 && !readerGone.aborted;
  for (let answered = false; wantsMore();) {
    try {
      const feed = await region.changes(queryOf(flags.type, after), (notice) => {
        if (!wantsMore()) return;
        after = notice.position;
        left -= 1;
        output.each(notice, () => output.say(lineOf(notice)));
        if (left <= 0) enough.resolve();
      });
      answered = true;
      await Promise.race([feed.ended, enough.promise]);
      feed.stop();
    } catch (error) {
      if (!answered || !(error instanceof NoAnswer)) throw error;
    }
    if (wantsMore()) await pause(output, againMillis);
  }
}

function queryOf(type: string | undefined, after: string | undefined) {
  return { ...(type === undefined ? {} : { type }), ...(after === undefined ? {} : { after }) };
}

/** `09:41:07.123  merged   cart/42  {"coupon":"SPRING"}  us~1:4:7` */
function lineOf({ time, cause, type, id, value, dot }: Notice): string {
  const at = new Date(time.wallMillis).toISOString().slice(11, 23);
  const shown = value === null ? 'deleted' : JSON.stringify(value);
  return `${at}  ${cause.padEnd(8)}  ${type}/${id}  ${shown}  ${dot}`;
}
