import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { copyTree } from './copy-tree.js';
import { isReachableBy } from './directories.js';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';
import { postgresEnvironment, postgresLogin, type PostgresTemplate } from './postgres-template.js';
import { startServerProcess, type ServerProcess } from './server-process.js';

/** Recovery after a kill replays what the write-ahead log holds; a slow disk may need a while. */
const startMillisMax = 60_000;

/** Like a small production server: what a transaction was told to be durable survives any kill. */
const settingsDefault = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_level: 'logical',
  max_wal_size: '4GB', // no checkpoint in the middle of a replay
  checkpoint_timeout: '15min',
  dynamic_shared_memory_type: 'mmap', // in the data directory, so that a kill leaves nothing in /dev/shm
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  jit: 'off',
};

export interface PostgresServerOptions {
  readonly region: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly template: PostgresTemplate;
  readonly ledger: Ledger;
  /** Over those of the stack, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The address of an embedded Postgres. */
export function postgresUrl(port: number): string {
  const { user, password, database } = postgresLogin;
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
}

/** Copies the template to the data directory, unless data is there already. */
export async function preparePostgresData(options: PostgresServerOptions): Promise<void> {
  const { dataDirectory, template, ledger } = options;
  ledger.addPostgresDirectory(dataDirectory);
  const { user } = template;
  if (user !== undefined && !isReachableBy(user.uid, dirname(dataDirectory))) {
    throw new DevStackError(
      'directory_unusable',
      `Postgres runs as user ${user.uid}, who may not enter ${dirname(dataDirectory)}: choose a directory whose ` +
        'parents are open to others, or start the stack as an ordinary user',
    );
  }
  if (existsSync(join(dataDirectory, 'PG_VERSION'))) {
    checkVersion(dataDirectory, template);
    return;
  }
  const draft = `${dataDirectory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(dataDirectory), { recursive: true });
  await copyTree({ from: template.directory, to: draft, ledger });
  if (user !== undefined) chownSync(draft, user.uid, user.gid);
  chmodSync(draft, 0o700);
  renameSync(draft, dataDirectory);
}

function checkVersion(dataDirectory: string, template: PostgresTemplate): void {
  const version = (directory: string): string => readFileSync(join(directory, 'PG_VERSION'), 'utf8').trim();
  const [kept, ours] = [version(dataDirectory), version(template.directory)];
  if (kept === ours) return;
  throw new DevStackError(
    'directory_unusable',
    `${dataDirectory} was written by Postgres ${kept}, and this is Postgres ${ours}: choose another directory`,
  );
}

/** Starts Postgres on a prepared data directory and waits until it takes connections. */
export async function startPostgres(options: PostgresServerOptions): Promise<ServerProcess> {
  const { region, port, dataDirectory, logFile, template, ledger } = options;
  writeSettings(dataDirectory, { ...settingsDefault, ...options.settings }, template.user);
  return startServerProcess({
    title: `Postgres of ${region}`,
    kind: 'postgres',
    command: template.program,
    args: ['-D', dataDirectory, '-p', String(port)],
    cwd: dataDirectory,
    env: postgresEnvironment(),
    logFile,
    ledger,
    startMillisMax,
    isReady: (pid) => saysReady(dataDirectory, pid),
    ...template.user,
  });
}

const settingsFile = 'atoll.conf';

/** In a file of the data directory: what the command line says, nobody could change while the server runs. */
function writeSettings(
  dataDirectory: string,
  settings: Readonly<Record<string, string | number>>,
  user: PostgresTemplate['user'],
): void {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`,
  );
  const file = join(dataDirectory, settingsFile);
  writeFileSync(file, lines.join(''));
  if (user !== undefined) chownSync(file, user.uid, user.gid);
  const main = join(dataDirectory, 'postgresql.conf');
  const include = `include '${settingsFile}'\n`;
  if (!readFileSync(main, 'utf8').endsWith(include)) appendFileSync(main, `\n${include}`);
}

/** What `pg_ctl -w` looks at: line 1 of postmaster.pid is the server's pid, line 8 its state. */
function saysReady(dataDirectory: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}
