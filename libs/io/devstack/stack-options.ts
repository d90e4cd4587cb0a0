import { DevStackError } from './errors.js';
import { loadDelayMatrix, type DelayMatrix, type Latency } from './delay-matrix.js';
import { portBaseDefault, portBlockSize, regionsMax } from './ports.js';
import { progressTo, type OnProgress, type Progress } from './progress.js';

/** Servers of a region that run elsewhere; what is absent is started by the stack. */
export interface ExternalServers {
  /** `postgres://user:password@host:port/database` */
  readonly postgresUrl?: string;
  /** `host:port` of at least one broker. */
  readonly kafkaBrokers?: readonly string[];
}

export interface StackOptions {
  /** One to seven names of lower-case letters, digits and dashes. Default: us, eu, ap. */
  readonly regions?: readonly string[];
  /** First of the 300 ports of the stack. Default 7400; 0 takes a free block, for tests that run side by side. */
  readonly portBase?: number;
  /** Delay of the links: `global` (the default), `none`, the path of a JSON file, or a matrix. */
  readonly latency?: Latency;
  /** Directory where the data outlives the stack. Without it the data is temporary. */
  readonly persist?: string;
  /** Settings of every embedded Postgres by name, over those of the stack: a server for a large database, for example. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** By region. The environment says the same: ATOLL_DEV_POSTGRES_<REGION> and ATOLL_DEV_KAFKA_<REGION>. */
  readonly external?: Readonly<Record<string, ExternalServers>>;
  /** Told each step with the milliseconds it took, downloads included. */
  readonly onProgress?: OnProgress;
  /** Stops the stack at SIGINT and SIGTERM and then lets the signal do its work. Default false. */
  readonly handleSignals?: boolean;
}

export interface ResolvedStackOptions {
  readonly regions: readonly string[];
  readonly portBase: number;
  readonly delays: DelayMatrix;
  readonly persist?: string;
  readonly postgresSettings: Readonly<Record<string, string>>;
  readonly external: Readonly<Record<string, ExternalServers>>;
  readonly progress: Progress;
  readonly handleSignals: boolean;
}

/** Fills in defaults and the environment, and refuses what cannot work before anything is started. */
export function resolveStackOptions(options: StackOptions): ResolvedStackOptions {
  const regions = options.regions ?? ['us', 'eu', 'ap'];
  checkRegions(regions);
  const portBase = options.portBase ?? portBaseDefault;
  const highest = 65_535 - portBlockSize;
  if (!Number.isInteger(portBase) || (portBase !== 0 && (portBase < 1024 || portBase > highest))) {
    throw new DevStackError('bad_option', `the port base is 0 or from 1024 to ${highest}, not ${portBase}`);
  }
  return {
    regions,
    portBase,
    delays: loadDelayMatrix(options.latency ?? 'global'),
    persist: options.persist,
    postgresSettings: options.postgresSettings ?? {},
    external: Object.fromEntries(regions.map((region) => [region, externalServers(region, options)])),
    progress: progressTo(options.onProgress),
    handleSignals: options.handleSignals ?? false,
  };
}

function checkRegions(regions: readonly string[]): void {
  const bad = regions.find((region) => !/^[a-z][a-z0-9-]{0,30}$/.test(region));
  if (bad !== undefined) {
    throw new DevStackError(
      'bad_option',
      `"${bad}" is no region name: lower-case letters, digits and dashes, as in us,eu,ap`,
    );
  }
  if (regions.length === 0 || regions.length > regionsMax) {
    throw new DevStackError('bad_option', `a stack has 1 to ${regionsMax} regions, not ${regions.length}`);
  }
  if (new Set(regions).size !== regions.length) {
    throw new DevStackError('bad_option', `a region is named twice: ${regions.join()}`);
  }
}

function externalServers(region: string, options: StackOptions): ExternalServers {
  const given = options.external?.[region] ?? {};
  const suffix = region.toUpperCase().replaceAll('-', '_');
  const brokers = process.env[`ATOLL_DEV_KAFKA_${suffix}`];
  return {
    postgresUrl: given.postgresUrl ?? (process.env[`ATOLL_DEV_POSTGRES_${suffix}`] || undefined),
    kafkaBrokers: given.kafkaBrokers ?? (brokers ? brokers.split(',').map((one) => one.trim()) : undefined),
  };
}
