import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '#core/parse-json.js';
import type { DevStack } from '#io/devstack/stack.js';
import { portBlockSize } from '#io/devstack/ports.js';

/** MAC keys by region, base64. */
export type PeerKeys = Readonly<Record<string, string>>;

const keyBytes = 32;

/**
 * Keys for the members of a dev stack: new ones for data that goes away with the stack, and those of the last run, kept
 * beside the data, where it stays.
 */
export function peerKeysFor(regions: readonly string[], persist: string | undefined): PeerKeys {
  const path = persist === undefined ? undefined : join(persist, 'peer-keys.json');
  const kept = path === undefined ? {} : readKeys(path);
  const keys = Object.fromEntries(
    regions.map((region) => [region, kept[region] ?? randomBytes(keyBytes).toString('base64')]),
  );
  if (path !== undefined && persist !== undefined) {
    mkdirSync(persist, { recursive: true });
    writeFileSync(path, JSON.stringify({ ...kept, ...keys }), { mode: 0o600 });
  }
  return keys;
}

function readKeys(path: string): PeerKeys {
  try {
    return parseJson(readFileSync(path, 'utf8')) as PeerKeys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

export interface ProcessPorts {
  readonly http: number;
  readonly grpc: number;
}

/** Where further processes' ports begin, counted from the base: behind everything that the stack itself uses. */
const furtherPortsFrom = 270;

/**
 * Ports of the process `index` of a region: those of the plan for the first one, further ones at the end of the block.
 *
 * @returns `undefined` where the block has no room for so many.
 */
export function processPorts(stack: DevStack, region: string, index: number): ProcessPorts | undefined {
  const { http, grpc } = stack.region(region).ports;
  if (index === 0) return { http, grpc };
  const place = stack.regions.findIndex((one) => one.region === region);
  const offset = furtherPortsFrom + 2 * ((index - 1) * stack.regions.length + place);
  if (offset + 1 >= portBlockSize) return undefined;
  const base = stack.descriptor.portBase;
  return { http: base + offset, grpc: base + offset + 1 };
}

export interface RegionProcessSettings {
  readonly stack: DevStack;
  readonly region: string;
  readonly ports: ProcessPorts;
  readonly keys: PeerKeys;
  /** Path of the compiled module whose default export is `defineAtoll(...)`. */
  readonly config: string;
  readonly shards?: number;
  /** The regions that belong together; all of the stack's where nothing is said. */
  readonly members?: readonly string[];
  /** Further variables, over these. */
  readonly more?: Readonly<Record<string, string>>;
}

/** The environment of one region process: other regions are reached through the stack's links only. */
export function regionEnvironment(settings: RegionProcessSettings): Readonly<Record<string, string>> {
  const { stack, region, ports, keys, config } = settings;
  const members = stack.regions.filter(({ region: name }) => settings.members?.includes(name) ?? true);
  const others = members.filter((other) => other.region !== region);
  const join = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, value]) => `${name}=${value}`).join(';');
  return {
    ATOLL_REGION: region,
    ATOLL_POSTGRES_URL: stack.region(region).postgresUrl,
    ATOLL_KAFKA: join(members.map((other) => [other.region, other.kafkaBrokersFrom(region).join(',')])),
    ATOLL_PEERS: join(others.map((other) => [other.region, other.grpcFrom(region)])),
    ATOLL_HTTP: `127.0.0.1:${ports.http}`,
    ATOLL_GRPC: `127.0.0.1:${ports.grpc}`,
    ATOLL_CONFIG: config,
    ATOLL_PEER_KEYS: join(Object.entries(keys)),
    ...(settings.shards === undefined ? {} : { ATOLL_SHARDS: String(settings.shards) }),
    ...settings.more,
  };
}
