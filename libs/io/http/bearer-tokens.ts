import { createHash, timingSafeEqual } from 'node:crypto';
import { AtollError } from '#core/errors.js';

/** `read` ⊂ `write` ⊂ `admin`; `peer` is for other regions and includes none of them. */
export type Role = 'read' | 'write' | 'admin' | 'peer';

export interface Caller {
  readonly name: string;
  readonly role: Role;
}

export interface KnownToken extends Caller {
  readonly token: string;
}

const includes: Readonly<Record<Role, readonly Role[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
  peer: ['peer'],
};

/** Without any tokens for clients (allowed on loopback only), everybody may do everything. */
const anybody: Caller = { name: 'anybody on this machine', role: 'admin' };

/** Bearer tokens and what their roles allow. */
export class BearerTokens {
  private readonly known: readonly { readonly digest: Buffer; readonly caller: Caller }[];

  private readonly open: boolean;

  constructor(tokens: readonly KnownToken[]) {
    this.open = tokens.every(({ role }) => role === 'peer');
    this.known = tokens.map(({ token, name, role }) => ({ digest: digestOf(token), caller: { name, role } }));
  }

  /** Who sends this `Authorization` header. @throws AtollError unauthenticated */
  identify(authorization: string | undefined): Caller {
    return this.open ? anybody : this.callerOf(authorization);
  }

  /** @throws AtollError permission_denied */
  allow(caller: Caller, needed: Role): void {
    if (includes[caller.role].includes(needed)) return;
    throw new AtollError(
      'permission_denied',
      `This needs the role '${needed}'; the token of '${caller.name}' has '${caller.role}'.`,
    );
  }

  private callerOf(authorization: string | undefined): Caller {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) {
      throw new AtollError('unauthenticated', 'This needs an Authorization header with a bearer token.');
    }
    const digest = digestOf(token);
    let found: Caller | undefined;
    // Every token is compared, in constant time: neither which one matched nor how far shows in the time it took.
    for (const { digest: other, caller } of this.known) if (timingSafeEqual(digest, other)) found = caller;
    if (found !== undefined) return found;
    throw new AtollError('unauthenticated', 'The bearer token is not known here.');
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
