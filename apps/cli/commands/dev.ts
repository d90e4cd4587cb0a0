import { access, constants, mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { portBaseDefault } from '#io/devstack/ports.js';
import { declaredTypes } from '../dev/declared-types.js';
import { tourConfig } from '../dev/programs.js';
import { runDev, type Dev } from '../dev/run-dev.js';
import { serveStatusPage } from '../dev/status-page.js';
import { whyUnwritable } from '../load/input-file.js';
import { exitCodes, usage } from '../terminal/exit.js';
import type { Output } from '../terminal/output.js';
import { runTour } from '../tour/tour.js';
import { documentFileDefault, readTourInput, retailFileDefault } from '../tour/tour-input.js';
import { readCount, readNames, type Invocation } from './invocation.js';

interface DevFlags {
  readonly regions: string;
  readonly latency: string;
  readonly persist?: string;
  readonly portBase: number;
  readonly processes: number;
  readonly config?: string;
  readonly tour: boolean;
  readonly once: boolean;
  readonly report?: string;
  readonly retail: string;
  readonly document: string;
  readonly documentTransactions: number;
}

const processesMax = 8;

export function addDevCommand(program: Command, invocation: Invocation): void {
  program
    .command('dev')
    .description(
      'start regions on this machine: Postgres, Kafka and services, joined by links with real delay',
    )
    .option('--regions <names>', 'regions, separated by commas', 'us,eu,ap')
    .option('--latency <delays>', 'delay of the links: global, none, or a JSON file', 'global')
    .option('--persist <directory>', 'keep the data there; without it, it goes away with the stack')
    .addOption(
      new Option('--port-base <port>', 'first of the 300 ports of the stack; 0 takes a free block')
        .default(portBaseDefault)
        .argParser(readCount),
    )
    .addOption(
      new Option('--processes <count>', 'service processes per region').default(1).argParser(readCount),
    )
    .option('--config <file>', 'compiled module with the entity types; without it, those of the tour')
    .option('--tour', 'replay real data, cut and heal a link, and show what became of it', false)
    .option('--once', 'end when the tour has ended (or when all is ready), instead of staying up', false)
    .option('--report <file>', "write the tour's verdict there as JSON, and the clients' history beside it")
    .option('--retail <file>', 'CSV for the tour, as the Online Retail data set', retailFileDefault)
    .option('--document <file>', 'editing trace of two writers for the tour', documentFileDefault)
    .addOption(
      new Option('--document-transactions <count>', 'how many of its transactions')
        .default(6_000)
        .argParser(readCount),
    )
    .action((flags: DevFlags) => invocation.run((output) => dev(flags, output)));
}

async function dev(flags: DevFlags, output: Output): Promise<number> {
  if (flags.processes < 1 || flags.processes > processesMax) {
    throw usage(`--processes takes 1 to ${processesMax}, not ${flags.processes}`);
  }
  if (flags.report !== undefined && !flags.tour) throw usage('--report says what --tour found: give both');
  // Bad input is told before anything is started.
  await checkReport(flags.report);
  const persist = flags.persist === undefined ? {} : { persist: await persistDirectory(flags.persist) };
  const config = await configFile(flags.config);
  const input = flags.tour ? await readTourInput(flags) : undefined;
  const begun = performance.now();
  const running = await runDev({
    regions: readNames(flags.regions),
    latency: flags.latency,
    portBase: flags.portBase,
    ...persist,
    processesPerRegion: flags.processes,
    config,
    onStep: (step, millis) => output.say(stepLine(begun, step, millis)),
  });
  try {
    const startSeconds = (performance.now() - begun) / 1000;
    const page = await serveStatusPage(running);
    output.say(stepLine(begun, 'all regions are ready', 0));
    showAddresses(running, page.url, output);
    const passed =
      input === undefined ||
      (await runTour({ dev: running, input, startSeconds, report: flags.report, output }));
    if (!flags.once) {
      output.say(`\nAll of it stays up until Ctrl-C. In another terminal: ${elsewhere(running)}`);
      tellWhenOneEnds(running, output);
      await new Promise(() => undefined);
    }
    await page.close();
    return passed ? exitCodes.ok : exitCodes.failedCheck;
  } finally {
    await running.stop();
  }
}

/** What to try next, with regions that there are. */
function elsewhere({ stack }: Dev): string {
  const { portBase } = stack.descriptor;
  const where = portBase === portBaseDefault ? '' : ` --port-base ${portBase}`;
  const [first, , last = first] = stack.regions.map(({ region }) => region);
  const commands = ['status', 'get cart 17850 --everywhere', `link cut ${first ?? ''} ${last ?? ''}`];
  return commands.map((command) => `node bin/atoll.js ${command}${where}`).join('; ');
}

function stepLine(begun: number, step: string, millis: number): string {
  const at = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
  return millis === 0 ? `${at} s  ${step}` : `${at} s  ${step} (${(millis / 1000).toFixed(1)} s)`;
}

/** A tour takes minutes: that its report has no place is told before. */
async function checkReport(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    await access(dirname(resolve(path)), constants.W_OK);
  } catch {
    throw usage(`--report: cannot write to ${dirname(resolve(path))}`);
  }
}

/** Made where it is not there. */
async function persistDirectory(given: string): Promise<string> {
  const path = resolve(given);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
    return path;
  } catch (error) {
    throw usage(`--persist: cannot write to ${path}: ${whyUnwritable(error) ?? (error as Error).message}`);
  }
}

async function configFile(given: string | undefined): Promise<string> {
  if (given === undefined) return tourConfig;
  const path = isAbsolute(given) ? given : resolve(given);
  try {
    await access(path);
  } catch {
    throw usage(`--config: cannot read ${path}`);
  }
  await declaredTypes(path);
  return path;
}

function showAddresses({ stack, processes }: Dev, consoleUrl: string, output: Output): void {
  output.say();
  output.table({
    columns: ['region', 'HTTP', 'gRPC', 'Postgres', 'Kafka'],
    rows: processes.map(({ region, name, httpUrl, grpcAddress }) => {
      const { postgresUrl, kafkaBrokers } = stack.region(region);
      return [name, httpUrl, grpcAddress, postgresUrl, kafkaBrokers.join()];
    }),
  });
  output.say(`\nconsole  ${consoleUrl}`);
  output.say(`logs     ${stack.descriptor.logDirectory}`);
}

/** A service that ends by itself is told; the others go on, as they would in production. */
function tellWhenOneEnds(dev: Dev, output: Output): void {
  for (const { name, logFile, ended } of dev.processes) {
    void ended.then(() => {
      if (!dev.isStopping()) output.warn(`region process ${name} has ended; its log is ${logFile}`);
    });
  }
}
