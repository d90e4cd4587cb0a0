import type { VersionVector } from '#core/causality/version-vector.js';

/**
 * An entity's `seen` as a client carries it: base64url of `actor seq` pairs in order of actor, `-` for nothing seen.
 * Opaque to clients; equal vectors have equal text. Not authenticated: whoever invents one only waits for events that
 * never come, or is refused by `If-Match`.
 */
export type Version = string;

/** Longer ones are not ours: about 60 actors of 64 characters. */
export const versionLengthMax = 6_000;

const nothing = '-';
const pair = /^([^ ]{1,128}) ([1-9]\d{0,15})$/;

export function encodeVersion(seen: VersionVector): Version {
  if (seen.size === 0) return nothing;
  const pairs = [...seen.keys()].sort().map((actor) => `${actor} ${seen.get(actor)}`);
  return Buffer.from(pairs.join('\n'), 'utf8').toString('base64url');
}

/** `undefined` when the text is not a version that `encodeVersion` could have made. */
export function decodeVersion(version: string): VersionVector | undefined {
  if (version === nothing) return new Map();
  if (version.length > versionLengthMax || !/^[A-Za-z0-9_-]+$/.test(version)) return undefined;
  const seen = new Map<string, number>();
  for (const line of Buffer.from(version, 'base64url').toString('utf8').split('\n')) {
    const [, actor, seq] = pair.exec(line) ?? [];
    if (actor === undefined || !Number.isSafeInteger(Number(seq))) return undefined;
    seen.set(actor, Number(seq));
  }
  return encodeVersion(seen) === version ? seen : undefined;
}

/** The version as an HTTP entity tag: strong, quoted. */
export function formatETag(seen: VersionVector): string {
  return `"${encodeVersion(seen)}"`;
}

/** Reads one strong entity tag, with or without its quotes; weak ones, lists and `*` are not versions. */
export function parseETag(text: string): VersionVector | undefined {
  const quoted = /^"([^"]*)"$/.exec(text.trim());
  return decodeVersion(quoted?.[1] ?? text.trim());
}
