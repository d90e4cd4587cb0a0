import { describe, expect, it } from 'vitest';
import { vectorOf } from '#kit/laws/make-event.js';
import { kitAuth, kitHashing } from '#kit/memory/memory-auth.js';
import { nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import { limitsDefault } from '../limits.js';
import type { RecordAuth } from '../ports/record-auth.js';
import { Sessions } from './sessions.js';

const members = ['eu', 'us', 'ap'];

function sessionsOf(
  region: string,
  parts: {
    readonly stable?: (shard: number) => VersionVector;
    readonly all?: SessionCursors;
    readonly auth?: RecordAuth;
  } = {},
): Sessions {
  return new Sessions({
    region,
    members,
    shards: 1024,
    auth: parts.auth ?? kitAuth(region),
    hashing: kitHashing,
    limits: limitsDefault,
    stable: parts.stable ?? (() => nothingSeen),
    allCursors: () => parts.all ?? new Map(),
  });
}

const cursors = (given: Readonly<Record<number, string>>): SessionCursors =>
  new Map(Object.entries(given).map(([shard, vector]) => [Number(shard), vectorOf(vector)]));

describe('session tokens', () => {
  it('are read in every region, and say what they were issued for', () => {
    const session = cursors({ 0: 'eu:3 us:1', 12: 'ap:9' });
    const token = sessionsOf('eu').issue(session);
    for (const region of members) expect(sessionsOf(region).read(token)).toEqual(session);
    expect(sessionsOf('eu').read(undefined)).toEqual(new Map());
  });

  it('merge: several, separated by commas, depend on what any of them does', () => {
    const one = sessionsOf('eu').issue(cursors({ 0: 'eu:3 us:1' }));
    const other = sessionsOf('us').issue(cursors({ 0: 'eu:2 us:7', 5: 'us:1' }));
    expect(sessionsOf('ap').read(`${one}, ${other}`)).toEqual(cursors({ 0: 'eu:3 us:7', 5: 'us:1' }));
    expect(() => sessionsOf('ap').read(`${one},x`)).toThrow('not a session token');
  });

  it('are checked once while they are in use, each forgery every time', () => {
    let checks = 0;
    const auth: RecordAuth = {
      ...kitAuth('us'),
      verify(member, bytes, mac) {
        checks += 1;
        return kitAuth('us').verify(member, bytes, mac);
      },
    };
    const us = sessionsOf('us', { auth });
    const session = cursors({ 0: 'eu:3' });
    const token = sessionsOf('eu').issue(session);
    for (let again = 0; again < 3; again += 1) expect(us.read(token)).toEqual(session);
    expect(checks).toBe(1);
    expect(us.read(us.issue(session))).toEqual(session);
    expect(us.read(` ${token},${token}`)).toEqual(session);
    expect(checks).toBe(1);
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`;
    for (let again = 0; again < 2; again += 1) expect(() => us.read(forged)).toThrow('not a session token');
    expect(checks).toBe(3);
  });

  it('leave out what is stable, entry by entry', () => {
    const stable = (shard: number): VersionVector => (shard === 0 ? vectorOf('eu:3') : nothingSeen);
    const eu = sessionsOf('eu', { stable });
    const token = eu.issue(cursors({ 0: 'eu:3 us:1', 1: 'eu:3' }));
    expect(eu.read(token)).toEqual(cursors({ 0: 'us:1', 1: 'eu:3' }));
    expect(eu.read(eu.issue(cursors({ 0: 'eu:2' })))).toEqual(new Map());
  });

  it('above their limit stand for all that the region has, and for all they stood for', () => {
    const wide: SessionCursors = new Map(
      Array.from({ length: 200 }, (_, shard) => [shard, vectorOf(`eu:${shard + 1} us:${shard + 2}`)]),
    );
    const all = cursors({ 0: 'eu:900', 7: 'ap:4' });
    const eu = sessionsOf('eu', { all });
    const read = eu.read(eu.issue(wide));
    expect(read.get(0)).toEqual(vectorOf('eu:900 us:2'));
    expect(read.get(7)).toEqual(vectorOf('ap:4 eu:8 us:9'));
    expect(read.get(199)).toEqual(vectorOf('eu:200 us:201'));
  });

  it('stay small: the whole cursor set of a region of usual size is within the limit', () => {
    const actors = ['us', 'eu', 'ap'].map((region) => `${region}~01jd3x8k2m9qw7vz5t4r1b6c`);
    const all: SessionCursors = new Map(
      Array.from({ length: 16 }, (_, shard) => [
        shard,
        new Map(actors.map((actor, at) => [actor, 1_000_000 + shard + at])),
      ]),
    );
    const eu = sessionsOf('eu', { all: cursors({ 0: 'ap:1' }) });
    const token = eu.issue(all);
    expect(token.length).toBeLessThan(1_000);
    expect(eu.read(token)).toEqual(all);
  });

  it('of three regions fit into a header, be it with the most shards there can be', () => {
    const actors = ['us', 'eu', 'ap'].map((region) => `${region}~01jd3x8k2m9qw7vz5t4r1b6c`);
    const all: SessionCursors = new Map(
      Array.from({ length: 1024 }, (_, shard) => [shard, new Map(actors.map((actor) => [actor, 100_000]))]),
    );
    expect(sessionsOf('eu').issue(all).length).toBeLessThan(48 * 1024);
  });

  it('of another form are refused', () => {
    const eu = sessionsOf('eu');
    const signed = (body: object): string => {
      const bytes = Buffer.from(JSON.stringify(body));
      return `${bytes.toString('base64url')}.${Buffer.from(kitAuth('eu').sign(bytes)).toString('base64url')}`;
    };
    const fine = { actors: ['eu~1'], cursors: { 0: [3] }, region: 'eu', v: 2 };
    expect(eu.read(signed(fine))).toEqual(cursors({ 0: 'eu:3' }));
    for (const other of [
      { v: 1 },
      { actors: [1] },
      { actors: null },
      { cursors: { 0: [1, 2] } },
      { cursors: { 0: ['3'] } },
      { cursors: { 0: [-1] } },
      { cursors: [] },
      { region: 'no' },
    ])
      expect(() => eu.read(signed({ ...fine, ...other })), JSON.stringify(other)).toThrow(
        'not a session token',
      );
  });

  it('are refused when anything about them was changed', () => {
    const eu = sessionsOf('eu');
    const token = eu.issue(cursors({ 0: 'eu:3' }));
    const [body = '', mac = ''] = token.split('.');
    const bytes = Buffer.from(body, 'base64url').toString();
    const asBody = (text: string): string => Buffer.from(text).toString('base64url');
    const changed = [
      `${asBody(bytes.replace('[3]', '[2]'))}.${mac}`,
      `${asBody(bytes.replace('"region":"eu"', '"region":"us"'))}.${mac}`,
      `${asBody(bytes.replace('"region":"eu"', '"region":"elsewhere"'))}.${mac}`,
      `${body}.${mac.slice(0, -2)}`,
      `${body}.`,
      body,
      '',
      `${token}.x`,
    ];
    for (const forged of changed) expect(() => eu.read(forged), forged).toThrow('not a session token');
  });

  it('of a shard that does not exist are refused, whoever signed them', () => {
    const token = sessionsOf('us').sign(cursors({ 1024: 'eu:1' }));
    expect(() => sessionsOf('eu').read(token)).toThrow('not a session token');
  });
});
