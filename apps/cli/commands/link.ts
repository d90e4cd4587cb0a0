import { Argument, type Command } from 'commander';
import type { LinkStatus } from '#io/faults/region-link.js';
import { cutBetween, healBetween, pairsOf, waysBetween } from '../dev/links.js';
import { exitCodes, usage } from '../terminal/exit.js';
import { addWhere, readCount, runningStack, type Invocation, type Where } from './invocation.js';

interface LinkFlags extends Where {
  readonly oneWay?: boolean;
  readonly jitter?: number;
}

/** `atoll link`: the links of the dev stack that runs on this machine. */
export function addLinkCommands(program: Command, invocation: Invocation): void {
  const link = program.command('link').description('cut, heal and delay the links of the running dev stack');
  const between = (command: Command): Command =>
    command
      .argument('<from>', 'region')
      .argument('<to>', 'region')
      .option('--one-way', 'only what from sends to to');
  const act = (name: string, description: string): Command =>
    addWhere(between(link.command(name).description(description)), { withRegion: false });

  act('cut', 'nothing passes until the heal; what is under way waits').action(
    (from: string, to: string, flags: LinkFlags) =>
      invocation.run((output) => {
        const done = `cut ${from}${arrow(flags)}${to}`;
        return tell(output, done, () => cutBetween(runningStack(flags), from, to, flags.oneWay));
      }),
  );
  addWhere(
    link
      .command('heal')
      .description('end the cut of a link, or of all links when none is named')
      .argument('[from]', 'region')
      .argument('[to]', 'region'),
    { withRegion: false },
  ).action((from: string | undefined, to: string | undefined, flags: LinkFlags) =>
    invocation.run(async (output) => {
      if (from !== undefined && to === undefined)
        throw usage(`the second region is missing: link heal ${from} <to>; without regions, all links`);
      const stack = runningStack(flags);
      const pairs = from === undefined || to === undefined ? pairsOf(stack) : [[from, to] as const];
      const done = from === undefined || to === undefined ? 'healed all links' : `healed ${from}<->${to}`;
      return tell(output, done, async () => {
        for (const [one, other] of pairs) await healBetween(stack, one, other);
      });
    }),
  );
  act('delay', 'set the delay of a link, in milliseconds one way')
    .addArgument(new Argument('<millis>', 'delay one way').argParser(readCount))
    .option('--jitter <millis>', 'up to so much more, at random', readCount)
    .action((from: string, to: string, millis: number, flags: LinkFlags) =>
      invocation.run((output) => {
        const ways = waysBetween(runningStack(flags), from, to, flags);
        const delay = { oneWayMillis: millis, jitterMillis: flags.jitter ?? 0 };
        return tell(output, `${from}${arrow(flags)}${to} takes ${millis} ms`, async () => {
          for (const { control, direction } of ways) {
            await control.setDelay(direction === 'both' ? delay : { ...delay, direction });
          }
        });
      }),
    );
  addWhere(link.command('list').description('what the links are like now'), { withRegion: false }).action(
    (flags: LinkFlags) =>
      invocation.run(async (output) => {
        const stack = runningStack(flags);
        const links = await Promise.all(pairsOf(stack).map((pair) => stack.link(...pair).status()));
        output.answer(links, () => output.table(linkTable(links)));
        return exitCodes.ok;
      }),
  );
}

function arrow({ oneWay }: LinkFlags): string {
  return oneWay === true ? '->' : '<->';
}

async function tell(
  output: Parameters<Parameters<Invocation['run']>[0]>[0],
  done: string,
  work: () => Promise<void>,
): Promise<number> {
  await work();
  output.answer({ done }, () => output.say(done));
  return exitCodes.ok;
}

function linkTable(links: readonly LinkStatus[]) {
  return {
    columns: ['link', 'state', 'delay ms', 'connections', 'waiting bytes', 'bytes sent', 'bytes back'],
    rows: links.map(({ from, to, cut, delayMillis, connections, queuedBytes, bytes }) => [
      `${from}->${to}`,
      cut === undefined ? 'up' : `cut (${cut.direction}, ${cut.mode})`,
      `${delayMillis['from-to'].oneWayMillis}`,
      String(connections),
      String(queuedBytes),
      String(bytes.forward),
      String(bytes.back),
    ]),
  };
}
