import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { checkPostgresFiles, readSecurity, securityContradictions } from './cluster-security.js';
import { isLoopback, isWildcard } from './loopback.js';
import { SettingsError } from './settings-error.js';
import { keys, type Endpoint, type KeyName, type Settings } from './settings.js';

export { SettingsError };

type Environment = Readonly<Record<string, string | undefined>>;
type Found = Readonly<Partial<Record<KeyName, { readonly value: unknown; readonly from: string }>>>;
type Parsed = { [K in KeyName]: z.output<(typeof keys)[K]['schema']> };

/**
 * Reads and validates the settings of a region process: the environment, over the YAML file that `ATOLL_SETTINGS` names.
 *
 * @throws SettingsError
 */
export async function readSettings(environment: Environment): Promise<Settings> {
  const parsed = validate(await findValues(environment));
  if (parsed.advertise === undefined && isWildcard(parsed.grpc.host)) {
    throw new SettingsError(
      `ATOLL_ADVERTISE is missing: ATOLL_GRPC listens on every address, and none of them is named; for example ATOLL_ADVERTISE=${keys.advertise.example}`,
    );
  }
  const { kafkaTls, kafkaSasl, ...plain } = parsed;
  const security = { kafkaTls, kafkaSasl };
  const regions = [...plain.kafka.keys()];
  const settings = { ...plain, advertise: parsed.advertise ?? formatEndpoint(parsed.grpc) };
  const contradictions = [...contradictionsOf(settings), ...securityContradictions(security, regions)];
  if (contradictions.length > 0) throw new SettingsError(contradictions.join('\n'));
  await checkPostgresFiles(settings.postgresUrl);
  return { ...settings, kafkaSecurity: await readSecurity(security, regions) };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

async function findValues(environment: Environment): Promise<Found> {
  const file = given(environment.ATOLL_SETTINGS);
  const yaml = file === undefined ? {} : await readYamlObject(file, 'ATOLL_SETTINGS');
  const { tokensFile: tokensFileInYaml, ...values } = yaml;
  const found: { -readonly [K in keyof Found]: Found[K] } = {};
  for (const name of Object.keys(values)) {
    if (!(name in keys)) {
      throw new SettingsError(`${name} (in ${file}): no such key; there are ${Object.keys(keys).join(', ')}`);
    }
    found[name as KeyName] = { value: values[name], from: `${name} (in ${file})` };
  }
  for (const [name, key] of Object.entries(keys) as [KeyName, (typeof keys)[KeyName]][]) {
    const text = given(environment[key.env]);
    if (text === undefined) continue;
    found[name] = { value: 'yaml' in key ? parseValue(text, key) : text, from: key.env };
  }
  const tokensFile = given(environment.ATOLL_TOKENS_FILE) ?? tokensFileInYaml;
  if (typeof tokensFile === 'string' && given(environment.ATOLL_TOKENS) === undefined) {
    found.tokens = { value: await readYaml(tokensFile, 'ATOLL_TOKENS_FILE'), from: tokensFile };
  }
  return found;
}

function validate(found: Found): Parsed {
  const complaints: string[] = [];
  const parsed: Partial<Record<KeyName, unknown>> = {};
  for (const [name, key] of Object.entries(keys) as [KeyName, (typeof keys)[KeyName]][]) {
    const raw = found[name];
    const result = key.schema.safeParse(raw?.value);
    if (result.success) parsed[name] = result.data;
    else complaints.push(complaint(key, raw, result.error));
  }
  if (complaints.length > 0) throw new SettingsError(complaints.join('\n'));
  return parsed as Parsed;
}

/** Never repeats a secret: the value is shown only where it is none. */
function complaint(key: (typeof keys)[KeyName], raw: Found[KeyName], error: z.ZodError): string {
  if (raw === undefined) return `${key.env} is missing; for example ${key.env}=${key.example}`;
  const reasons = new Set(error.issues.flatMap((issue) => leavesOf(issue, [])));
  const shown = 'secret' in key ? '' : `, not ${JSON.stringify(raw.value)}`;
  return `${raw.from}: ${[...reasons].join('; ')}${shown}; for example ${key.env}=${key.example}`;
}

function leavesOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): string[] {
  const path = [...above, ...issue.path];
  const branches = issue.code === 'invalid_union' ? issue.errors.flat() : [];
  if (branches.length > 0) return branches.flatMap((branch) => leavesOf(branch, path)).slice(0, 1);
  return [path.length === 0 ? issue.message : `${path.map(String).join('.')} ${issue.message}`];
}

/** What each key allows alone, but not together. */
function contradictionsOf(settings: Omit<Settings, 'kafkaSecurity'>): string[] {
  const { region, kafka, peers, peerKeys, http, grpc, tokens } = settings;
  const found: string[] = [];
  const others = [...kafka.keys()].filter((name) => name !== region);
  if (!kafka.has(region))
    found.push(
      `ATOLL_KAFKA has no brokers of the own region '${region}'; for example ATOLL_KAFKA=${keys.kafka.example}`,
    );
  if (!sameNames(others, [...peers.keys()])) {
    found.push(
      `ATOLL_PEERS names [${[...peers.keys()].join(', ')}], but ATOLL_KAFKA names [${others.join(', ')}] beside the own region; both must name every other region`,
    );
  }
  const keyless = [region, ...others].filter((name) => !peerKeys.has(name));
  if (keyless.length > 0)
    found.push(
      `ATOLL_PEER_KEYS has no key for ${keyless.join(', ')}; for example ATOLL_PEER_KEYS=${keys.peerKeys.example}`,
    );
  const strangers = [...(settings.strongMembers?.keys() ?? [])].filter((name) => !kafka.has(name));
  if (strangers.length > 0)
    found.push(`ATOLL_STRONG_MEMBERS names ${strangers.join(', ')}, which ATOLL_KAFKA does not`);
  if (settings.strongMembers && ![...settings.strongMembers.values()].includes('home'))
    found.push(
      `ATOLL_STRONG_MEMBERS has no region that may be a home; for example ATOLL_STRONG_MEMBERS=${keys.strongMembers.example}`,
    );
  for (const [env, endpoint] of [
    ['ATOLL_HTTP', http],
    ['ATOLL_GRPC', grpc],
  ] as const) {
    if (isLoopback(endpoint.host) || tokens.some(({ role }) => role !== 'peer')) continue;
    found.push(
      `${env}=${formatEndpoint(endpoint)} is not a loopback address, and there are no access tokens: set ATOLL_TOKENS_FILE (for example ATOLL_TOKENS='${keys.tokens.example}'), or bind to 127.0.0.1`,
    );
  }
  return found;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join() === [...b].sort().join();
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

function parseValue(text: string, { env, example }: (typeof keys)[KeyName]): unknown {
  try {
    return parseYaml(text);
  } catch {
    throw new SettingsError(`${env}: is neither YAML nor JSON; for example ${env}='${example}'`);
  }
}

async function readYaml(file: string, from: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new SettingsError(
      `${from}: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    return parseYaml(text);
  } catch {
    throw new SettingsError(`${from}: ${file} is neither YAML nor JSON`);
  }
}

async function readYamlObject(file: string, from: string): Promise<Readonly<Record<string, unknown>>> {
  const content = await readYaml(file, from);
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return { ...content };
  throw new SettingsError(`${from}: ${file} must hold an object; for example "region: us"`);
}
