import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';
import { runTool } from './tool.js';

/** A Java virtual machine that can run the broker. */
export interface Java {
  readonly command: string;
  /** As it says of itself, such as `17.0.15`. */
  readonly version: string;
}

const javaMajorMin = 17;
const instead =
  'or give Kafka clusters of your own by ATOLL_DEV_KAFKA_<REGION>=host:port for every region of the stack';

function onPath(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '');
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The version from the `release` file beside the binaries: reading it is free, asking the machine takes 0.1 s. */
function versionFromRelease(command: string): string | undefined {
  try {
    const release = readFileSync(join(dirname(realpathSync(command)), '..', 'release'), 'utf8');
    return /^JAVA_VERSION="([^"]+)"/m.exec(release)?.[1];
  } catch {
    return undefined;
  }
}

/** Finds Java 17 or newer: `$JAVA_HOME/bin/java`, else `java` on the path. */
export async function findJava(ledger: Ledger): Promise<Java> {
  const home = process.env['JAVA_HOME'];
  const atHome = home === undefined || home === '' ? undefined : join(home, 'bin', 'java');
  const command = atHome !== undefined && isExecutable(atHome) ? atHome : onPath('java');
  if (command === undefined) {
    throw new DevStackError(
      'java_missing',
      `Kafka needs Java ${javaMajorMin} or newer, and there is no \`java\` in $JAVA_HOME/bin or on the path. ` +
        `Install it (Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17), ${instead}`,
    );
  }
  const version = versionFromRelease(command) ?? (await askVersion(command, ledger));
  const major = Number(/^(?:1\.)?(\d+)/.exec(version)?.[1]);
  if (!(major >= javaMajorMin)) {
    throw new DevStackError(
      'java_too_old',
      `Kafka needs Java ${javaMajorMin} or newer; ${command} is version ${version}. Install a newer one and point ` +
        `JAVA_HOME to it, ${instead}`,
    );
  }
  return { command, version };
}

async function askVersion(command: string, ledger: Ledger): Promise<string> {
  const { output } = await runTool({ command, args: ['-version'], ledger, cwd: ledger.runDirectory });
  return /version "([^"]+)"/.exec(output)?.[1] ?? 'unknown';
}

/** Finds Maven, which fetches the broker's jars once. */
export function findMaven(): string {
  const command = onPath('mvn');
  if (command !== undefined) return command;
  throw new DevStackError(
    'maven_missing',
    'the jars of the Kafka broker are not in the cache yet, and there is no `mvn` on the path to fetch them. ' +
      `Install Maven (Debian and Ubuntu: apt-get install maven; macOS: brew install maven), ${instead}`,
  );
}
