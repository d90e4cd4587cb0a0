import { join } from 'node:path';
import type { StackPart } from './dev-stack.js';
import { makeOpenDirectory } from './directories.js';
import { DevStackError } from './errors.js';
import { preparePostgresData, startPostgres, type PostgresServerOptions } from './embedded-postgres.js';
import { prepareKafkaData, startKafka, type KafkaTemplate } from './kafka-broker.js';
import type { BrokerAddresses } from './kafka-settings.js';
import type { Ledger } from './ledger.js';
import type { ServerProcess } from './server-process.js';

/** A server of the stack over its several lives. */
export interface Server {
  pid(): number | undefined;
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** A server that `launch` brings to life, again and again, on the same data. */
function managed(launch: () => Promise<ServerProcess>): Server {
  let current: ServerProcess | undefined;
  let starting: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    await current?.reaped;
    current = await launch();
  };
  return {
    pid: () => (current?.isRunning() === true ? current.identity.pid : undefined),
    async start() {
      if (current?.isRunning() === true) return;
      starting ??= begin().finally(() => (starting = undefined));
      await starting;
    },
    async kill() {
      await starting;
      await current?.kill();
    },
  };
}

/** A server that somebody else runs: there is nothing here to start or to kill. */
export function externalServer(region: string, part: StackPart): Server {
  const refuse = async (): Promise<void> => {
    throw new DevStackError(
      'bad_option',
      `the ${part} of ${region} was given by address: the stack cannot touch it`,
    );
  };
  return { pid: () => undefined, start: refuse, kill: refuse };
}

interface Place {
  readonly region: string;
  /** The region's directory; each server has its own below. */
  readonly directory: string;
  readonly logDirectory: string;
  readonly ledger: Ledger;
}

export async function postgresServer(
  place: Place & Pick<PostgresServerOptions, 'port' | 'template' | 'settings'>,
): Promise<Server> {
  const { region, directory, logDirectory, ledger, port, template, settings } = place;
  const options = {
    region,
    port,
    template,
    ledger,
    settings,
    dataDirectory: join(directory, 'postgres'),
    logFile: join(logDirectory, `${region}-postgres.log`),
  };
  makeOpenDirectory(directory);
  await preparePostgresData(options);
  return managed(() => startPostgres(options));
}

export async function kafkaServer(
  place: Place & { readonly addresses: BrokerAddresses; readonly template: KafkaTemplate },
): Promise<Server> {
  const { region, directory, logDirectory, ledger, addresses, template } = place;
  const options = {
    region,
    addresses,
    template,
    ledger,
    dataDirectory: join(directory, 'kafka'),
    logFile: join(logDirectory, `${region}-kafka.log`),
  };
  await prepareKafkaData(options);
  return managed(() => startKafka(options));
}
