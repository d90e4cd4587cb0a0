import type { Command } from 'commander';
import {
  readLinks,
  readMembers,
  readTopology,
  type LinkInfo,
  type StrongMembers,
  type Topology,
} from '#client/admin.js';
import { NoAnswer } from '#client/errors.js';
import type { RegionClient } from '#client/region-client.js';
import { exitCodes } from '../terminal/exit.js';
import { pause, type Output } from '../terminal/output.js';
import { describe } from './region.js';
import { addWhere, regionsOf, type Invocation, type Where } from './invocation.js';

interface StatusFlags extends Where {
  readonly watch?: boolean;
}

const watchMillis = 1_000;

export function addStatusCommand(program: Command, invocation: Invocation): void {
  addWhere(program.command('status').description('how the regions are, and how far behind each other'), {
    withRegion: false,
  })
    .option('--watch', 'again every second, until Ctrl-C')
    .action((flags: StatusFlags) =>
      invocation.run(async (output) => {
        const regions = regionsOf(flags);
        while (!output.readerGone.aborted) {
          const answers = await Promise.all(regions.map(statusOf));
          const asText = (): void => show(answers, output);
          if (flags.watch !== true) {
            output.answer(answers, asText);
            return answers.every(({ up }) => up) ? exitCodes.ok : exitCodes.unreachable;
          }
          output.each(answers, asText);
          await pause(output, watchMillis);
        }
        return exitCodes.ok;
      }),
    );
}

type RegionStatus =
  | {
      readonly region: string;
      readonly up: true;
      readonly topology: Topology;
      readonly links: readonly LinkInfo[];
      readonly strong: StrongMembers;
    }
  | { readonly region: string; readonly up: false; readonly error: string };

async function statusOf(client: RegionClient): Promise<RegionStatus> {
  const { region } = client;
  try {
    const [topology, links, strong] = await Promise.all([
      readTopology(client),
      readLinks(client),
      readMembers(client),
    ]);
    return { region, up: true, topology, links, strong };
  } catch (error) {
    if (error instanceof NoAnswer) return { region, up: false, error: error.message };
    throw error;
  }
}

function show(answers: readonly RegionStatus[], output: Output): void {
  output.table({
    columns: ['region', 'state', 'actor', 'shards here', 'pending', 'parked'],
    rows: answers.map((answer) => {
      if (!answer.up) return [answer.region, 'unreachable'];
      const { ready, isolated, clock, actor, owned, shards, pending, parked } = answer.topology;
      const state = [
        ready ? 'ready' : 'not ready',
        ...(isolated ? ['isolated from its Kafka'] : []),
        ...(clock.isTrusted ? [] : [`takes no writes: its clock is ${offBy(clock.disagreements)}`]),
      ].join(', ');
      return [answer.region, state, actor, `${owned.length} of ${shards}`, String(pending), String(parked)];
    }),
  });
  if (answers.some((answer) => answer.up && answer.strong.shards.some(({ promised }) => promised !== ''))) {
    output.say();
    output.table({
      columns: ['region', 'members of strong shards', 'homes here', 'epochs', 'not retired yet'],
      rows: answers.flatMap((answer) => (answer.up ? [strongRow(answer.strong, answer.region)] : [])),
    });
  }
  const links = answers.flatMap((answer) =>
    answer.up ? answer.links.map((link) => ({ at: answer.region, link })) : [],
  );
  if (links.length === 0) return;
  output.say();
  output.table({
    columns: ['from', 'to', 'events missing at to', 'to publish', 'last heartbeat'],
    rows: links.map(({ at, link }) => [
      link.region,
      at,
      String(link.behindHere),
      String(link.publishBacklog),
      link.lastHeartbeatMillisAgo === null ? 'never' : `${Math.round(link.lastHeartbeatMillisAgo)} ms ago`,
    ]),
  });
  output.say();
}

/** Epochs are shown by how many shards are in each. */
function strongRow({ shards, former, ...membership }: StrongMembers, region: string): readonly string[] {
  const epochs = new Map<string, number>();
  for (const { decided } of shards) epochs.set(decided, (epochs.get(decided) ?? 0) + 1);
  const homes = shards.filter(({ home }) => home === region).length;
  const shown = [...epochs].sort().map(([epoch, count]) => `${epoch === '' ? 'none' : epoch} × ${count}`);
  const leaving = former.filter(({ retired }) => !retired);
  return [
    region,
    describe(membership),
    `${homes} of ${shards.length}`,
    shown.join(', '),
    leaving.map((one) => one.region).join(', '),
  ];
}

/** How far a clock is off, and against whom. */
function offBy(disagreements: Topology['clock']['disagreements']): string {
  return disagreements
    .map(({ witness, aheadMillis }) => {
      const seconds = Math.round(Math.abs(aheadMillis) / 1_000);
      return `${seconds} s ${aheadMillis > 0 ? 'ahead of' : 'behind'} ${witness}`;
    })
    .join(', ');
}
