import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { authorizationKey, regionKey } from './peer-definition.js';

/** The member region that a call comes from; `undefined` when that is not proven. */
export type Authenticate = (metadata: Metadata) => string | undefined;

/**
 * Bearer tokens, one per member, the own region's among them. The caller names its region, and must have that region's
 * token: one member cannot speak for another.
 */
export function tokenAuthentication(tokens: ReadonlyMap<string, string>): Authenticate {
  const digests = new Map([...tokens].map(([region, token]) => [region, digestOf(token)]));
  return (metadata) => {
    const region = onlyText(metadata, regionKey);
    const [, token] = /^Bearer ([\x21-\x7e]+)$/.exec(onlyText(metadata, authorizationKey) ?? '') ?? [];
    const expected = region === undefined ? undefined : digests.get(region);
    if (expected === undefined || token === undefined) return undefined;
    // Digests have one length, so that comparing tells nothing about the token's.
    return timingSafeEqual(digestOf(token), expected) ? region : undefined;
  };
}

/** Takes every caller that names a member at its word. For a service that listens on loopback only. */
export function trustingAuthentication(members: readonly string[]): Authenticate {
  return (metadata) => {
    const region = onlyText(metadata, regionKey);
    return region !== undefined && members.includes(region) ? region : undefined;
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** A key that is given twice counts as not given: nobody honest does that. */
function onlyText(metadata: Metadata, key: string): string | undefined {
  const values = metadata.get(key);
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : undefined;
}
