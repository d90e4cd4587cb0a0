import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { ask } from '../rim/http-client.js';
import { freePort } from '../rim/free-port.js';
import { OwnDatabase } from './running-regions.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = `${root}dist/apps/region/main.js`;
const config = `${root}dist/test/rim/rim-declaration.js`;
const buildMillisMax = 300_000;

let database: OwnDatabase;
let good: Record<string, string>;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  const stack = inject('devStack');
  database = await OwnDatabase.created(stack, 'us');
  good = {
    ATOLL_REGION: 'us',
    ATOLL_POSTGRES_URL: database.url,
    ATOLL_KAFKA: `us=${stack.regions[0]?.kafkaBrokers.join(',')}`,
    ATOLL_HTTP: '127.0.0.1:0',
    ATOLL_GRPC: `127.0.0.1:${await freePort()}`,
    ATOLL_CONFIG: config,
    ATOLL_PEER_KEYS: `us=${randomBytes(32).toString('base64')}`,
  };
}, buildMillisMax);
afterAll(() => database?.drop());

/** The same types, but for one field that is a counter now. */
const changedDeclaration = `
import declaration from ${JSON.stringify(config)};
import { defineAtoll } from ${JSON.stringify(`${root}dist/libs/declare/define-atoll.js`)};
import { entity } from ${JSON.stringify(`${root}dist/libs/declare/entity.js`)};
import { counter } from ${JSON.stringify(`${root}dist/libs/declare/policies.js`)};
const { cart, ...others } = declaration.entities;
export default defineAtoll({ entities: { ...others, cart: entity({ fields: { ...cart.fields, coupon: counter() } }) } });
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Started {
  readonly child: ChildProcess;
  readonly said: { out: string; err: string };
  readonly exited: Promise<number | null>;
}

function start(more: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH, ...good, ...more },
    cwd: '/',
  });
  children.push(child);
  const said = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  return { child, said, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

async function readyLine({
  child,
  said,
  exited,
}: Started): Promise<{ readonly ready: boolean; readonly http: string; readonly grpc: string }> {
  while (!said.out.includes('\n')) {
    const code = await Promise.race([exited, once(child.stdout!, 'data').then(() => undefined)]);
    if (code !== undefined) throw new Error(`it ended with ${code}: ${said.err}`);
  }
  return JSON.parse(said.out) as never;
}

describe('the program of a region', () => {
  it('says in one line that it is ready and where, serves, and stops in order when it is told to', async () => {
    const started = start();
    const { ready, http, grpc } = await readyLine(started);
    expect([ready, grpc]).toEqual([true, good.ATOLL_GRPC]);
    const written = await ask(http, { method: 'PATCH', url: '/v1/entities/cart/1', body: '{"coupon":"A"}' });
    expect(written.status).toBe(200);
    const asked = Date.now();
    started.child.kill('SIGTERM');
    expect(await started.exited).toBe(0);
    expect(Date.now() - asked).toBeLessThan(5_000);
    expect(started.said.out.trim().split('\n')).toHaveLength(1);
    for (const line of started.said.err.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ region: 'us', level: expect.any(String) });
  });

  it('goes on after a kill where it was', async () => {
    const first = start();
    const before = await readyLine(first);
    await ask(before.http, { method: 'PATCH', url: '/v1/entities/cart/2', body: '{"coupon":"KEPT"}' });
    first.child.kill('SIGKILL');
    await first.exited;
    const after = await readyLine(start());
    const { body } = await ask(after.http, { method: 'GET', url: '/v1/entities/cart/2' });
    expect(body.value.coupon).toBe('KEPT');
  });

  it('refuses a declaration that its log cannot be read with, and says all that is wrong with it', async () => {
    const first = start();
    const { http } = await readyLine(first);
    await ask(http, { method: 'PATCH', url: '/v1/entities/cart/3', body: '{"coupon":"A"}' });
    first.child.kill('SIGTERM');
    await first.exited;
    const folder = await mkdtemp(join(tmpdir(), 'atoll-declaration-'));
    try {
      const changed = join(folder, 'changed.mjs');
      await writeFile(changed, changedDeclaration);
      const { said, exited } = start({ ATOLL_CONFIG: changed });
      expect(await exited).toBe(1);
      expect(said.err).toMatch(
        /cannot read events that this region stores:\n {2}cart\.coupon was last-writer-wins/,
      );
      expect(said.err).not.toMatch(/^\s+at /m);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    [
      'a bad key',
      { ATOLL_SHARDS: 'many' },
      /^ATOLL_SHARDS: must be a whole number .*for example ATOLL_SHARDS=16\n$/,
    ],
    ['another number of shards than its database', { ATOLL_SHARDS: '8' }, /16.*8|8.*16/],
    [
      'another region than its database',
      { ATOLL_REGION: 'eu', ATOLL_KAFKA: 'eu=127.0.0.1:1', ATOLL_PEER_KEYS: `eu=${'A'.repeat(43)}=` },
      /us.*eu|eu.*us/,
    ],
    [
      'a declaration that is not there',
      { ATOLL_CONFIG: '/nowhere/atoll.config.js' },
      /^ATOLL_CONFIG: cannot load \/nowhere/,
    ],
    [
      'a declaration that is none',
      { ATOLL_CONFIG: `${root}dist/libs/core/json.js` },
      /^ATOLL_CONFIG: the default export .* is not a declaration/,
    ],
    [
      'an address beyond loopback and no tokens',
      { ATOLL_HTTP: '0.0.0.0:0' },
      /^ATOLL_HTTP=0\.0\.0\.0:0 is not a loopback address, and there are no access tokens/,
    ],
  ])('ends at once with a sentence for %s', async (_what, wrong, sentence) => {
    const { said, exited } = start(wrong as Record<string, string>);
    expect(await exited).toBe(1);
    expect(said.err.split('\n').findLast((line) => line !== '' && !line.startsWith('{')) + '\n').toMatch(
      sentence,
    );
    expect(said.err).not.toMatch(/^\s+at /m);
    expect(said.out).toBe('');
  });
});
