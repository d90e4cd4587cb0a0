import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { freemem, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Option, type Command } from 'commander';
import { isFree, planPorts, portBaseDefault } from '#io/devstack/ports.js';
import { findStack } from '#io/devstack/stack.js';
import { resolveStackOptions } from '#io/devstack/stack-options.js';
import { createRegionClient } from '#client/region-client.js';
import { declaredTypes } from '../dev/declared-types.js';
import { tourConfig } from '../dev/programs.js';
import { InputError } from '../load/input-file.js';
import { exitCodes } from '../terminal/exit.js';
import { readCount, readNames, type Invocation } from './invocation.js';

interface Check {
  readonly name: string;
  /** `warning`: it works, but perhaps not as wanted. */
  readonly verdict: 'ok' | 'warning' | 'failed';
  readonly found: string;
}

interface DoctorFlags {
  readonly portBase: number;
  readonly regions: string;
  readonly config?: string;
}

const nodeMajorMin = 24;
const javaMajorMin = 17;
const gibibyte = 1024 ** 3;
/** Three brokers, three databases and three services, measured at about 1.7 GiB. */
const memoryBytesMin = 2 * gibibyte;
const diskBytesMin = 3 * gibibyte;

export function addDoctorCommand(program: Command, invocation: Invocation): void {
  program
    .command('doctor')
    .description('whether this machine has what a dev stack needs')
    .addOption(
      new Option('--port-base <port>', 'first port of the stack')
        .default(portBaseDefault)
        .argParser(readCount),
    )
    .option('--regions <names>', 'regions, separated by commas', 'us,eu,ap')
    .option('--config <file>', 'compiled module with the entity types')
    .action((flags: DoctorFlags) =>
      invocation.run(async (output) => {
        // What `dev` would refuse is refused here too, and not looked at any further.
        const { regions, portBase } = resolveStackOptions({
          regions: readNames(flags.regions),
          portBase: flags.portBase,
        });
        const stack = await checkStack(portBase);
        const checks = [
          checkNode(),
          await checkJava(),
          await checkMaven(),
          checkMemory(),
          await checkDisk('temporary files', tmpdir()),
          await checkDisk('home', homedir()),
          ...(stack.verdict === 'ok' ? [] : [await checkPorts(regions, portBase)]),
          stack,
          await checkConfig(flags.config ?? tourConfig),
        ];
        const healthy = checks.every(({ verdict }) => verdict !== 'failed');
        output.answer({ healthy, checks }, () =>
          output.table({
            columns: ['check', 'verdict', 'found'],
            rows: checks.map(({ name, verdict, found }) => [name, verdict, found]),
          }),
        );
        return healthy ? exitCodes.ok : exitCodes.failedCheck;
      }),
    );
}

function checkNode(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  const verdict = major >= nodeMajorMin ? 'ok' : 'failed';
  return { name: 'Node', verdict, found: `${process.versions.node}, ${nodeMajorMin} or newer is wanted` };
}

/** What a program says of its version, on either stream; `undefined` when there is no such program. */
async function versionOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 15_000 });
    return `${stdout}${stderr}`;
  } catch {
    return undefined;
  }
}

async function checkJava(): Promise<Check> {
  const home = process.env['JAVA_HOME'];
  const atHome = home ? await versionOf(join(home, 'bin', 'java'), ['-version']) : undefined;
  const text = atHome ?? (await versionOf('java', ['-version']));
  if (text === undefined) {
    return { name: 'Java', verdict: 'failed', found: `none; Kafka needs ${javaMajorMin} or newer` };
  }
  const version = /version "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
  const major = Number(/^(?:1\.)?(\d+)/.exec(version)?.[1]);
  const verdict = major >= javaMajorMin ? 'ok' : 'failed';
  return { name: 'Java', verdict, found: `${version}, ${javaMajorMin} or newer is wanted` };
}

async function checkMaven(): Promise<Check> {
  const text = await versionOf('mvn', ['--version']);
  if (text === undefined) {
    return {
      name: 'Maven',
      verdict: 'warning',
      found: "none; it fetches the broker's jars at the first start",
    };
  }
  return { name: 'Maven', verdict: 'ok', found: /Apache Maven ([\w.-]+)/.exec(text)?.[1] ?? 'found' };
}

function checkMemory(): Check {
  const free = freemem();
  const verdict = free >= memoryBytesMin ? 'ok' : 'warning';
  return { name: 'memory', verdict, found: `${gibibytes(free)} GiB free; three regions take about 1.7` };
}

async function checkDisk(name: string, directory: string): Promise<Check> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const verdict = free >= diskBytesMin ? 'ok' : 'warning';
  return { name: `disk, ${name}`, verdict, found: `${gibibytes(free)} GiB free in ${directory}` };
}

function gibibytes(bytes: number): string {
  return (bytes / gibibyte).toFixed(1);
}

async function checkPorts(regions: readonly string[], portBase: number): Promise<Check> {
  if (portBase === 0)
    return { name: 'ports', verdict: 'ok', found: 'a free block is taken when the stack starts' };
  const plan = planPorts(regions, portBase);
  const ports = [
    plan.console,
    ...Object.values(plan.regions).flatMap(
      ({ http, grpc, postgres, kafka, kafkaController, kafkaFromPeer }) => [
        ...[http, grpc, postgres, kafka, kafkaController],
        ...Object.values(kafkaFromPeer),
      ],
    ),
    ...plan.links.flatMap(({ kafka, grpc }) => [kafka, grpc]),
  ];
  const free = await Promise.all(ports.map(isFree));
  const busy = ports.filter((_, index) => free[index] === false);
  if (busy.length === 0)
    return { name: 'ports', verdict: 'ok', found: `${ports.length} from ${portBase} are free` };
  return {
    name: 'ports',
    verdict: 'failed',
    found: `in use: ${busy.join(', ')}; choose another --port-base`,
  };
}

async function checkStack(portBase: number): Promise<Check> {
  try {
    const stack = findStack(portBase);
    const clients = stack.regions.map(({ region, ports }) =>
      createRegionClient({ region, url: `http://127.0.0.1:${ports.http}` }),
    );
    const ready = await Promise.all(clients.map((client) => client.isReady()));
    const said = clients.map(
      ({ region }, index) => `${region} ${ready[index] === true ? 'is ready' : 'is not ready'}`,
    );
    return { name: 'dev stack', verdict: ready.every(Boolean) ? 'ok' : 'failed', found: said.join(', ') };
  } catch {
    return { name: 'dev stack', verdict: 'warning', found: `none runs at port base ${portBase}` };
  }
}

async function checkConfig(path: string): Promise<Check> {
  const name = 'entity types';
  try {
    return { name, verdict: 'ok', found: (await declaredTypes(path)).join(', ') };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { name, verdict: 'failed', found: error.message };
  }
}
