import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { createJsonLog, type Log } from '#io/telemetry/json-log.js';
import { readSettings, SettingsError } from './config/read-settings.js';
import type { Settings } from './config/settings.js';
import type { RunningRegion } from './start-region.js';

/** A stop takes at most this long; whoever asked kills after 5 s. */
const stopMillisMax = 4_500;
const readyPollMillis = 25;

/** What an operator has to correct: told in its own sentence, without a stack. By name, for their modules load late. */
const refusals: ReadonlySet<string> = new Set([
  SettingsError.name,
  'DatabaseRefused',
  'PartitionMismatch',
  'LogUnavailable',
]);

/** Ends the process with a sentence that says what to do. */
function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

async function run(): Promise<void> {
  const settings = await readSettings(process.env);
  const log = createJsonLog({
    level: settings.logLevel,
    always: { region: settings.region, pid: process.pid },
    write: (line) => void process.stderr.write(line),
    now: () => new Date(),
  });
  stopOnFault(log);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve());
  // Only now, so that bad settings are refused before half a second of loading.
  const { startRegion } = await import('./start-region.js');
  const starting = startRegion(settings, log, versionOfProduct());
  const region = await Promise.race([starting, stopped.promise]);
  if (region === undefined) process.exit(0);
  void announceWhenReady(region, settings, log);
  await stopped.promise;
  await stopInTime(region, log);
}

/** An error that nobody caught may have left anything half done: the log is the truth, so start again from it. */
function stopOnFault(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      log('error', 'the process stops: an error that nobody caught', { event, error });
      process.exit(70);
    });
  }
}

async function announceWhenReady(region: RunningRegion, settings: Settings, log: Log): Promise<void> {
  while (!(await region.api.isReady())) await pause(readyPollMillis);
  process.stdout.write(`${JSON.stringify({ ready: true, http: region.http, grpc: region.grpc })}\n`);
  log('info', 'ready', { http: region.http, grpc: region.grpc, advertise: settings.advertise });
}

async function stopInTime(region: RunningRegion, log: Log): Promise<void> {
  log('info', 'stopping');
  const late = setTimeout(() => {
    log('warn', 'stopping took too long: what is left ends now');
    process.exit(1);
  }, stopMillisMax);
  await region.stop();
  clearTimeout(late);
  process.exit(0);
}

/** Of package.json, three levels above this file or, compiled, four. */
function versionOfProduct(): string {
  const require = createRequire(import.meta.url);
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      return (require(path) as { readonly version: string }).version;
    } catch {
      continue;
    }
  }
  return '0.0.0';
}

try {
  await run();
} catch (error) {
  if (!(error instanceof Error)) refuse(String(error));
  refuse(refusals.has(error.name) ? error.message : (error.stack ?? error.message));
}
