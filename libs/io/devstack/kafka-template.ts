import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, chooseCache } from './cache.js';
import { classArchive } from './class-archive.js';
import { DevStackError } from './errors.js';
import { findJava, findMaven } from './java.js';
import { newClusterId, type KafkaTemplate } from './kafka-broker.js';
import { serverProperties } from './kafka-settings.js';
import type { Ledger } from './ledger.js';
import { planPorts, type RegionPorts } from './ports.js';
import type { Progress } from './progress.js';
import { runTool } from './tool.js';

/** The heap holds what three brokers on a small machine need; the serial collector and C1 start fastest. */
const machineOptions = [
  '-Xmx256m',
  '-Xms128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData', // a killed machine would leave its file in /tmp/hsperfdata
  '-Xlog:disable',
  '-Xlog:all=error:stderr',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info', // says when the broker has started
];

function pomPath(): string {
  // Beside this file in the source tree; from the compiled tree (dist/libs/...) the source tree is one level above.
  const beside = fileURLToPath(new URL('./kafka/pom.xml', import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL('../../../../libs/io/devstack/kafka/pom.xml', import.meta.url));
}

/**
 * Prepares the jars, the formatted directory and the class archive, from the cache where it has them.
 * @param trainingPorts where a broker may listen for the few seconds in which the class archive is made
 */
export async function prepareKafka(options: {
  readonly ledger: Ledger;
  readonly progress: Progress;
  readonly trainingPorts: RegionPorts;
}): Promise<KafkaTemplate> {
  const { ledger, progress, trainingPorts } = options;
  const java = await findJava(ledger);
  const cache = chooseCache(ledger);
  if (cache.note !== undefined) progress.note(`Kafka: ${cache.note}`);
  const pom = pomPath();
  const key = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const jars = await cached({
    cache,
    name: `kafka-${key}-jars`,
    ledger,
    progress,
    build: (draft) =>
      progress.step('download the Kafka broker by Maven', () => download({ pom, draft, ledger })),
  });
  const plain = [...machineOptions, '-cp', classPathOf(jars)];
  const formatted = await cached({
    cache,
    name: `kafka-${key}-formatted-1`,
    ledger,
    progress,
    build: (draft) =>
      progress.step('format the Kafka template', () => format({ java: java.command, plain, draft, ledger })),
  });
  const template = { java: java.command, javaOptions: plain, directory: join(formatted, 'log') };
  const archive = await classArchive({ template, java, key, ports: trainingPorts, cache, ledger, progress });
  return archive === undefined
    ? template
    : { ...template, javaOptions: [`-XX:SharedArchiveFile=${archive}`, ...plain] };
}

function classPathOf(jars: string): string {
  return readdirSync(jars)
    .filter((name) => name.endsWith('.jar'))
    .sort() // the class archive is valid for one order only
    .map((name) => join(jars, name))
    .join(delimiter);
}

/** Maven keeps what it fetched below the home that the user database tells, whatever $HOME says. */
function mavenCanKeepFiles(): boolean {
  const { homedir: home } = userInfo();
  const candidates = [join(home, '.m2', 'repository'), join(home, '.m2'), home];
  try {
    accessSync(candidates.find((path) => existsSync(path)) ?? home, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function download(options: { pom: string; draft: string; ledger: Ledger }): Promise<void> {
  const { pom, draft, ledger } = options;
  const repository = mavenCanKeepFiles() ? [] : [`-Dmaven.repo.local=${join(draft, 'm2')}`];
  const { exitCode, output } = await runTool({
    command: findMaven(),
    args: [
      ...['-q', '-B', '-f', pom, ...repository, 'dependency:copy-dependencies'],
      ...['-DincludeScope=runtime', `-DoutputDirectory=${draft}`],
    ],
    ledger,
    cwd: draft,
  });
  rmSync(join(draft, 'm2'), { recursive: true, force: true });
  if (exitCode === 0) return;
  throw new DevStackError(
    'download_failed',
    `Maven could not fetch the Kafka broker (see ${pom}):\n${output.trim().split('\n').slice(-15).join('\n')}`,
  );
}

/** Ports that are never listened on: the formatter only wants a complete configuration. */
function configuration(draft: string): string {
  const { regions } = planPorts(['any'], 1024);
  const ports = regions['any'];
  if (ports === undefined) throw new Error('planPorts lost a region');
  return serverProperties({ ports, linkPortFromPeer: {} }, join(draft, 'log'));
}

async function format(options: {
  readonly java: string;
  readonly plain: readonly string[];
  readonly draft: string;
  readonly ledger: Ledger;
}): Promise<void> {
  const { java, plain, draft, ledger } = options;
  const properties = join(draft, 'server.properties');
  writeFileSync(properties, configuration(draft));
  const { exitCode, output } = await runTool({
    command: java,
    args: [...plain, 'kafka.tools.StorageTool', 'format', '-t', newClusterId(), '-c', properties],
    ledger,
    cwd: draft,
  });
  if (exitCode !== 0) throw new DevStackError('start_failed', `formatting Kafka failed:\n${output.trim()}`);
}
