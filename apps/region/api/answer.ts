import { AtollError } from '#core/errors.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { formatEpoch, type Epoch } from '#core/strong/epoch.js';
import { decodeVersion, encodeVersion } from '#io/wire/etag.js';

/** What an operation answers, before HTTP or gRPC gives it its form. */
export interface Answer<Body> {
  readonly body: Body;
  /** Of the one entity the answer is about: becomes the ETag. */
  readonly version?: string;
  readonly session?: string;
  /** Of the stalest entity in it, where the answer shows entities and anybody can tell. */
  readonly stalenessMs?: number;
}

/** In order of actor: equal vectors are told by the same bytes, whoever of them came first here. */
export function vectorObject<At = number>(vector: ReadonlyMap<string, At>): Record<string, At> {
  return Object.fromEntries([...vector].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export { encodeVersion };

/** The epoch of the home that answered, where one did. */
export function toldEpoch({ epoch }: { readonly epoch?: Epoch }): { readonly epoch?: string } {
  return epoch ? { epoch: formatEpoch(epoch) } : {};
}

/** @throws AtollError invalid_request at `path` */
export function readVersion(text: string | undefined, path: string): VersionVector | undefined {
  if (text === undefined) return undefined;
  const unquoted = /^"(.*)"$/.exec(text)?.[1] ?? text;
  const version = decodeVersion(unquoted);
  if (version !== undefined) return version;
  const detail = 'This is not a version: send an ETag exactly as a read or a write answered it.';
  throw new AtollError('invalid_request', detail, { fields: [{ path, code: 'invalid_request', detail }] });
}
