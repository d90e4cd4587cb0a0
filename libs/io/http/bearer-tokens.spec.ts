import { describe, expect, it } from 'vitest';
import { BearerTokens, type Role } from './bearer-tokens.js';

const tokens = new BearerTokens(
  (['read', 'write', 'admin', 'peer'] as const).map((role) => ({
    token: `token-of-${role}`,
    role,
    name: `a ${role}er`,
  })),
);

describe('bearer tokens', () => {
  it.each([
    ['read', ['read']],
    ['write', ['read', 'write']],
    ['admin', ['read', 'write', 'admin']],
    ['peer', ['peer']],
  ] as [Role, Role[]][])('of role %s allow %j and nothing else', (role, allowed) => {
    for (const needed of ['read', 'write', 'admin', 'peer'] as const) {
      const caller = tokens.identify(`Bearer token-of-${role}`);
      expect(caller).toEqual({ role, name: `a ${role}er` });
      const allow = () => tokens.allow(caller, needed);
      if (allowed.includes(needed)) expect(allow).not.toThrow();
      else expect(allow).toThrow(expect.objectContaining({ code: 'permission_denied' }));
    }
  });

  it.each([
    undefined,
    '',
    'token-of-admin',
    'Basic dXNlcjpwYXNz',
    'Bearer',
    'Bearer token-of-admi',
    'Bearer token-of-admin x',
  ])('do not admit %j', (authorization) => {
    expect(() => tokens.identify(authorization)).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
  });

  it('are not asked for where none are configured', () => {
    expect(new BearerTokens([]).identify(undefined).role).toBe('admin');
  });
});
