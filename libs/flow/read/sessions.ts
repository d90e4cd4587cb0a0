import {
  compactSessionText,
  emptySession,
  joinSessions,
  readCompactSession,
  withoutStable,
  type SessionCursors,
} from '#core/consistency/session-token.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { Json } from '#core/json.js';
import { parseJson } from '#core/parse-json.js';
import type { Limits } from '../limits.js';
import type { Hashing, RecordAuth } from '../ports/record-auth.js';
import { KnownTokens } from './known-tokens.js';

/** Longest token that is looked at at all: far above what is ever issued. */
const tokenLengthMax = 64 * 1024;

const tokenVersion = 2;

/**
 * Session tokens: opaque to clients, mergeable, and authenticated by the region that issued them.
 *
 * Form: `base64url(canonical JSON {v, region, actors, cursors})` + `.` + `base64url(MAC)`; barriers are tokens of the same
 * form.
 */
export class Sessions {
  private readonly known: KnownTokens;

  constructor(
    private readonly parts: {
      readonly region: string;
      readonly members: readonly string[];
      readonly shards: number;
      readonly auth: RecordAuth;
      readonly hashing: Hashing;
      readonly limits: Limits;
      readonly stable: (shard: number) => VersionVector;
      /** The region's stored cursors of all shards. */
      readonly allCursors: () => SessionCursors;
    },
  ) {
    this.known = new KnownTokens(parts.limits.knownTokensBytesMax);
  }

  issue(session: SessionCursors): string {
    const unstable = withoutStable(session, this.parts.stable);
    const token = this.sign(unstable);
    if (token.length <= this.parts.limits.sessionTokenBytesMax) {
      // Its client sends it back with whatever comes next.
      this.known.add(token, unstable);
      return token;
    }
    return this.sign(joinSessions(withoutStable(this.parts.allCursors(), this.parts.stable), unstable));
  }

  /** As it is, nothing left out: for barriers. */
  sign(session: SessionCursors): string {
    const { hashing, auth, region } = this.parts;
    const body = hashing.utf8(compactSessionText(session, { region, version: tokenVersion }));
    return `${hashing.base64Url(body)}.${hashing.base64Url(auth.sign(body))}`;
  }

  /**
   * What a token stands for, or several, separated by commas: together they are what any of them depends on.
   *
   * @throws AtollError invalid_session when one was not issued by a member, or was changed.
   */
  read(tokens: string | undefined): SessionCursors {
    if (tokens === undefined) return emptySession;
    const alone = this.known.get(tokens);
    if (alone) return alone;
    let joined = emptySession;
    for (const part of tokens.split(',')) {
      const token = part.trim();
      const session = this.known.get(token) ?? this.verify(token);
      if (!session) throw new AtollError('invalid_session', 'this is not a session token of this system');
      // A part of a longer text would keep all of that in memory.
      if (token === tokens) this.known.add(token, session);
      joined = joinSessions(joined, session);
    }
    return joined;
  }

  private verify(token: string): SessionCursors | undefined {
    const { hashing, auth, members, shards } = this.parts;
    if (token.length > tokenLengthMax) return undefined;
    const [bodyText, macText, ...rest] = token.split('.');
    if (bodyText === undefined || macText === undefined || rest.length > 0) return undefined;
    const body = hashing.fromBase64Url(bodyText);
    const mac = hashing.fromBase64Url(macText);
    const text = body && hashing.fromUtf8(body);
    if (!body || !mac || text === undefined) return undefined;
    const json = parse(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
    const { v, region, actors, cursors } = json as { readonly [key: string]: Json };
    if (v !== tokenVersion || typeof region !== 'string' || !members.includes(region)) return undefined;
    if (!auth.verify(region, body, mac)) return undefined;
    return readCompactSession(actors, cursors, shards);
  }
}

function parse(text: string): Json | undefined {
  try {
    return parseJson(text) as Json;
  } catch {
    return undefined;
  }
}
