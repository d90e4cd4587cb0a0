import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyTree } from './copy-tree.js';
import { serverProperties, type BrokerAddresses } from './kafka-settings.js';
import type { Ledger } from './ledger.js';
import { startServerProcess, type ServerProcess } from './server-process.js';

/** After a kill the broker checks its logs, and the controller must first let go of the broker's former life. */
const startMillisMax = 90_000;

/** What every region's broker is started from. */
export interface KafkaTemplate {
  readonly java: string;
  /** Options of the virtual machine, the class path included. */
  readonly javaOptions: readonly string[];
  /** A formatted log directory. To be copied, never started. */
  readonly directory: string;
}

export interface KafkaBrokerOptions {
  readonly region: string;
  readonly addresses: BrokerAddresses;
  /** Holds `log`, the formatted log directory, and what else the broker writes. */
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly template: KafkaTemplate;
  readonly ledger: Ledger;
}

/** A cluster id as Kafka makes them: 16 bytes in base64url, not beginning with a dash. */
export function newClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/** Copies the formatted template to the data directory, unless data is there already. */
export async function prepareKafkaData(options: KafkaBrokerOptions): Promise<void> {
  const { dataDirectory, template, ledger } = options;
  const place = join(dataDirectory, 'log');
  if (existsSync(join(place, 'meta.properties'))) return;
  const draft = `${place}.new`;
  rmSync(draft, { recursive: true, force: true });
  await copyTree({ from: template.directory, to: draft, ledger });
  // A client that strays from one region's cluster to another's can tell by the id.
  const meta = join(draft, 'meta.properties');
  const ownId = readFileSync(meta, 'utf8').replace(/^cluster\.id=.*$/m, () => `cluster.id=${newClusterId()}`);
  writeFileSync(meta, ownId);
  renameSync(draft, place);
}

/** Starts a broker on a prepared data directory and waits until it takes requests. */
export async function startKafka(options: KafkaBrokerOptions): Promise<ServerProcess> {
  const { region, addresses, dataDirectory, logFile, template, ledger } = options;
  const temporary = join(dataDirectory, 'tmp'); // native libraries are unpacked here
  mkdirSync(temporary, { recursive: true });
  mkdirSync(dirname(logFile), { recursive: true });
  const properties = join(dataDirectory, 'server.properties');
  writeFileSync(properties, serverProperties(addresses, join(dataDirectory, 'log')));
  return startServerProcess({
    title: `Kafka of ${region}`,
    kind: 'kafka',
    command: template.java,
    args: [...template.javaOptions, `-Djava.io.tmpdir=${temporary}`, 'kafka.Kafka', properties],
    cwd: dataDirectory,
    logFile,
    ledger,
    startMillisMax,
    isReady: (_pid, log) => log.includes('Kafka Server started'),
  });
}
