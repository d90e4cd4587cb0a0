import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { startRegionLink, type RegionLink } from '../faults/region-link.js';
import { descriptorFile, serveControls } from './control.js';
import { delayBetween } from './delay-matrix.js';
import {
  findRegion,
  regionsOf,
  type OwnedDevStack,
  type StackDescriptor,
  type StackPart,
} from './dev-stack.js';
import { makeOpenDirectory, reachableTmpdir } from './directories.js';
import { postgresUrl } from './embedded-postgres.js';
import { DevStackError } from './errors.js';
import { prepareKafka } from './kafka-template.js';
import { Ledger } from './ledger.js';
import { reservePorts, type PortPlan } from './ports.js';
import { preparePostgres } from './postgres-template.js';
import { identify } from './processes.js';
import { startReaper } from './reaper.js';
import { externalServer, kafkaServer, postgresServer, type Server } from './region-servers.js';
import { resolveStackOptions, type ResolvedStackOptions, type StackOptions } from './stack-options.js';

export type { OwnedDevStack, DevStack, StackDescriptor, StackPart, StackRegion } from './dev-stack.js';
export type { StackOptions, ExternalServers } from './stack-options.js';
export { attachStack, findStack } from './control.js';
export { DevStackError } from './errors.js';

type ServersByPart = Record<StackPart, Server>;

/** What a stack holds while it is being built and while it runs. */
interface Building {
  readonly options: ResolvedStackOptions;
  readonly ledger: Ledger;
  readonly ports: PortPlan;
  readonly dataDirectory: string;
  readonly logDirectory: string;
}

/**
 * Starts a Postgres and a Kafka broker for each region and the links between the regions, and waits until all are ready.
 *
 * The links run in this process. A watcher process ends and removes everything when this process dies, by whatever
 * death. Throws `DevStackError`; then nothing is left behind.
 */
export async function startStack(given: StackOptions = {}): Promise<OwnedDevStack> {
  const options = resolveStackOptions(given);
  const runDirectory = makeRunDirectory();
  const ledger = new Ledger(runDirectory, options.persist !== undefined);
  const reaper = await startReaper(runDirectory);
  const closers: (() => Promise<void>)[] = [];
  const stop = once(async () => {
    ledger.close();
    await Promise.allSettled(closers.map((close) => close()));
    await reaper.finish();
  });
  const unhook = options.handleSignals ? stopAtSignals(stop) : () => undefined;
  try {
    const me = identify(process.pid);
    ledger.setHolders(me === undefined ? [reaper.identity] : [me, reaper.identity]);
    const ports = await reservePorts({ ...options, ledger });
    const dataDirectory = await chooseDataDirectory(options, ledger);
    const logDirectory = join(runDirectory, 'logs');
    mkdirSync(logDirectory, { mode: 0o700 });
    const building = { options, ledger, ports, dataDirectory, logDirectory };
    const links = await startLinks(building);
    closers.push(...links.map((link) => () => link.close()));
    const servers = await startServers(building);
    const stack = assemble({ building, links, servers, stop: () => stop().finally(unhook) });
    closers.push(await serveControls(stack));
    writeFileSync(join(runDirectory, descriptorFile), JSON.stringify(stack.descriptor), { mode: 0o600 });
    return stack;
  } catch (error) {
    await stop().finally(unhook);
    throw error;
  }
}

/** Lets a function run once; later calls wait for the first. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}

function makeRunDirectory(): string {
  // Any user but root and the owner stands for the one that will run Postgres.
  const directory = mkdtempSync(join(reachableTmpdir(userInfo().uid === 0 ? -1 : undefined), 'atoll-'));
  chmodSync(directory, 0o711); // passable for that user, readable for its owner alone
  return directory;
}

/** At a signal: stops the stack, then lets the signal end this process as it would have. */
function stopAtSignals(stop: () => Promise<void>): () => void {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const unhook = (): void => names.forEach((name) => process.off(name, onSignal));
  const onSignal = (name: NodeJS.Signals): void => {
    void stop().finally(() => {
      unhook();
      process.kill(process.pid, name);
    });
  };
  for (const name of names) process.on(name, onSignal);
  return unhook;
}

async function chooseDataDirectory(options: ResolvedStackOptions, ledger: Ledger): Promise<string> {
  const directory = resolve(options.persist ?? join(ledger.runDirectory, 'data'));
  makeOpenDirectory(directory);
  if (options.persist !== undefined && !(await ledger.lock(join(directory, 'stack.lock')))) {
    throw new DevStackError('directory_unusable', `another dev stack keeps its data in ${directory}`);
  }
  return directory;
}

async function startLinks({ options, ports }: Building): Promise<RegionLink[]> {
  const host = '127.0.0.1';
  const starts = ports.links.map(({ from, to, kafka, grpc }) => {
    const target = ports.regions[to];
    return startRegionLink({
      from,
      to,
      kafka: { port: kafka, target: { host, port: target?.kafkaFromPeer[from] ?? 0 } },
      grpc: { port: grpc, target: { host, port: target?.grpc ?? 0 } },
      delay: delayBetween(options.delays, from, to),
    });
  });
  const results = await Promise.allSettled(starts);
  const links = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return links;
  await Promise.all(links.map((link) => link.close()));
  const cause: unknown = failed.reason;
  throw new DevStackError('port_in_use', `a link could not listen: ${String(cause)}`, { cause });
}

/** Prepares and starts all servers of all regions at once. */
async function startServers(building: Building): Promise<Record<string, ServersByPart>> {
  const { options } = building;
  const postgres = startPart('postgres', building);
  const kafka = startPart('kafka', building);
  const results = await Promise.allSettled([postgres, kafka]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const [byPostgres, byKafka] = [await postgres, await kafka];
  return Object.fromEntries(
    options.regions.map((region, index) => {
      const [postgresOf, kafkaOf] = [byPostgres[index], byKafka[index]];
      if (postgresOf === undefined || kafkaOf === undefined) throw new Error('a region lost its servers');
      return [region, { postgres: postgresOf, kafka: kafkaOf }];
    }),
  );
}

async function startPart(part: StackPart, building: Building): Promise<Server[]> {
  const { options } = building;
  const isExternal = (region: string): boolean => {
    const { postgresUrl: url, kafkaBrokers } = options.external[region] ?? {};
    return (part === 'postgres' ? url : kafkaBrokers) !== undefined;
  };
  if (options.regions.every(isExternal)) return options.regions.map((region) => externalServer(region, part));
  const make = part === 'postgres' ? await postgresMaker(building) : await kafkaMaker(building);
  const title = part === 'postgres' ? 'Postgres' : 'Kafka';
  const results = await Promise.allSettled(
    options.regions.map(async (region) => {
      if (isExternal(region)) return externalServer(region, part);
      return options.progress.step(`start ${title} of ${region}`, async () => {
        const server = await make(region);
        await server.start();
        return server;
      });
    }),
  );
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

type ServerMaker = (region: string) => Promise<Server>;

function placeOf({ dataDirectory, logDirectory, ledger }: Building, region: string) {
  return { region, directory: join(dataDirectory, region), logDirectory, ledger };
}

function portsOf({ ports }: Building, region: string) {
  const found = ports.regions[region];
  if (found === undefined) throw new Error(`no ports were planned for ${region}`);
  return found;
}

async function postgresMaker(building: Building): Promise<ServerMaker> {
  const { postgresSettings: settings, progress } = building.options;
  const template = await preparePostgres(building.ledger, progress);
  return (region) => {
    const { postgres: port } = portsOf(building, region);
    return postgresServer({ ...placeOf(building, region), port, template, settings });
  };
}

async function kafkaMaker(building: Building): Promise<ServerMaker> {
  const { ledger, options, ports } = building;
  const trainingPorts = portsOf(building, options.regions[0] ?? '');
  const template = await prepareKafka({ ledger, progress: options.progress, trainingPorts });
  return (region) => {
    const incoming = ports.links.filter(({ to }) => to === region);
    const linkPortFromPeer = Object.fromEntries(incoming.map(({ from, kafka }) => [from, kafka]));
    const addresses = { ports: portsOf(building, region), linkPortFromPeer };
    return kafkaServer({ ...placeOf(building, region), addresses, template });
  };
}

function describe(building: Building): StackDescriptor {
  const { options, ports, ledger, logDirectory } = building;
  const regions = options.regions.map((region) => {
    const own = portsOf(building, region);
    const external = options.external[region];
    const incoming = ports.links.filter(({ to }) => to === region);
    const throughLink = (port: number): readonly string[] => external?.kafkaBrokers ?? [`127.0.0.1:${port}`];
    return {
      region,
      postgresUrl: external?.postgresUrl ?? postgresUrl(own.postgres),
      kafkaBrokers: throughLink(own.kafka),
      kafkaBrokersFrom: Object.fromEntries(incoming.map(({ from, kafka }) => [from, throughLink(kafka)])),
      grpcFrom: Object.fromEntries(incoming.map(({ from, grpc }) => [from, `127.0.0.1:${grpc}`])),
      ports: own,
    };
  });
  const controlSocket = join(ledger.runDirectory, 'control');
  return { portBase: ports.base, controlSocket, logDirectory, regions };
}

function assemble(parts: {
  readonly building: Building;
  readonly links: readonly RegionLink[];
  readonly servers: Readonly<Record<string, ServersByPart>>;
  readonly stop: () => Promise<void>;
}): OwnedDevStack {
  const { building, links, servers, stop } = parts;
  const descriptor = describe(building);
  const regions = regionsOf(descriptor);
  const server = (region: string, part: StackPart): Server => {
    findRegion(regions, region, descriptor);
    const found = servers[region]?.[part];
    if (found === undefined)
      throw new DevStackError('not_found', `a region has postgres and kafka, no ${part}`);
    return found;
  };
  return {
    descriptor,
    regions,
    region: (name) => findRegion(regions, name, descriptor),
    link(from, to) {
      const found = links.find((link) => link.from === from && link.to === to);
      if (found === undefined) throw new DevStackError('not_found', `there is no link ${from}->${to}`);
      return found;
    },
    kill: async (region, part) => server(region, part).kill(),
    start: async (region, part) => server(region, part).start(),
    pid: async (region, part) => server(region, part).pid(),
    async grpcTarget(region, port) {
      findRegion(regions, region, descriptor);
      for (const link of links) if (link.to === region) link.setGrpcTarget({ host: '127.0.0.1', port });
    },
    stop,
  };
}
