import { InvalidArgumentError, Option, type Command } from 'commander';
import { createRegionClient, type RegionClient } from '#client/region-client.js';
import { portBaseDefault } from '#io/devstack/ports.js';
import { findStack, type DevStack } from '#io/devstack/stack.js';
import { CommandFailed, exitCodes, usage } from '../terminal/exit.js';
import type { Output } from '../terminal/output.js';

/** One run of the program: where a command says things, and what it ends with. */
export interface Invocation {
  /** Runs a command's work; its result, or its error, becomes the exit code. */
  run(work: (output: Output) => Promise<number>): Promise<void>;
}

/** Options of every command that asks regions. */
export interface Where {
  readonly portBase: number;
  /** `region=url`, each; absent: the running dev stack. */
  readonly endpoint?: readonly string[];
  readonly token?: string;
  readonly region?: string;
}

/** Reads a whole number from the command line. */
export function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** Reads names that are separated by commas. */
export function readNames(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

export function runningStack({ portBase }: Pick<Where, 'portBase'>): DevStack {
  return findStack(portBase);
}

/** Regions by `--endpoint`, else by ATOLL_ENDPOINTS (`us=http://…;eu=http://…`), else those of the running dev stack. */
export function regionsOf(where: Where): readonly RegionClient[] {
  const token = where.token ?? process.env['ATOLL_TOKEN'];
  const given = where.endpoint ?? process.env['ATOLL_ENDPOINTS']?.split(';').filter((part) => part !== '');
  const endpoints =
    given === undefined
      ? runningStack(where).regions.map(
          ({ region, ports }) => [region, `http://127.0.0.1:${ports.http}`] as const,
        )
      : given.map(readEndpoint);
  return endpoints.map(([region, url]) => createRegionClient({ region, url, ...(token ? { token } : {}) }));
}

function readEndpoint(text: string): readonly [string, string] {
  const cut = text.indexOf('=');
  const [region, url] = [text.slice(0, Math.max(cut, 0)).trim(), text.slice(cut + 1).trim()];
  const { protocol, username, password, search, hash } = URL.parse(url) ?? {};
  if (region === '' || (protocol !== 'http:' && protocol !== 'https:')) {
    throw usage(
      `an endpoint is region=url, for example us=http://127.0.0.1:7410, not ${JSON.stringify(text)}`,
    );
  }
  if ([username, password, search, hash].some(Boolean))
    throw usage(`the endpoint of ${region} has a user, a query or a fragment, which would not be sent`);
  return [region, url];
}

/** The region that `--region` names, else the first. */
export function chosenRegion(where: Where, regions: readonly RegionClient[]): RegionClient {
  const found = where.region === undefined ? regions[0] : regions.find((one) => one.region === where.region);
  if (found !== undefined) return found;
  const known = regions.map((one) => one.region).join(', ');
  throw new CommandFailed(exitCodes.usage, `there is no region ${where.region ?? ''}, only ${known}`);
}

/** Adds the options that say which regions a command asks. */
export function addWhere(command: Command, { withRegion = true } = {}): Command {
  command
    .addOption(
      new Option('--port-base <port>', 'the dev stack to ask').default(portBaseDefault).argParser(readCount),
    )
    .option('--endpoint <region=url...>', 'regions elsewhere, instead of a dev stack (also ATOLL_ENDPOINTS)')
    .option('--token <token>', 'bearer token (also ATOLL_TOKEN)');
  if (withRegion) command.option('--region <name>', 'the region to ask; without it, the first');
  return command;
}
