import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { StackDescriptor } from './dev-stack.js';
import { leftovers, processesOf } from './leftovers.js';
import { descendants, identify, isAlive, type ProcessIdentity } from './processes.js';
import { readRecord } from './stack-record.js';
import { attachStack, DevStackError, startStack } from './stack.js';

/** Polls until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10);
}

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

function kafkaAt(brokers: readonly string[]): Kafka {
  return new Kafka({ clientId: 'stack-spec', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

const elsewhere = { us: { kafkaBrokers: ['127.0.0.1:9'] } };

/** A new directory for temporary files that the user of Postgres can reach. */
function openDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'atoll-lifecycle-spec-'));
  chmodSync(directory, 0o755);
  return directory;
}

/** The run directories of stacks that are, or were, among these temporary files. */
function runDirectories(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^atoll-[A-Za-z0-9]{6}$/.test(name));
}

describe('a stack in a process of its own', () => {
  /** Runs source files with plain node, which knows types but not that a `.js` import may be a `.ts` file. */
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      try { return next(name, context); } catch (error) {
        if (!name.endsWith('.js')) throw error;
        return next(name.slice(0, -3) + '.ts', context);
      } } });`;

  function spawnChild(
    options: object,
    env: NodeJS.ProcessEnv = {},
  ): { child: ChildProcess; output: () => string } {
    const script = `
      const { startStack } = await import(${JSON.stringify(new URL('./stack.ts', import.meta.url).href)});
      const stack = await startStack(${JSON.stringify(options)});
      process.stdout.write(JSON.stringify(stack.descriptor) + '\\n');`;
    const args = [
      '--conditions=atoll-source',
      `--import=data:text/javascript,${encodeURIComponent(hooks)}`,
      ...['--input-type=module', '-e', script],
    ];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return { child, output: () => output };
  }

  async function startChild(options: object): Promise<{ child: ChildProcess; descriptor: StackDescriptor }> {
    const { child, output } = spawnChild(options);
    await until(() => output().includes('\n') || child.exitCode !== null);
    return { child, descriptor: JSON.parse(output()) as StackDescriptor };
  }

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('leaves nothing behind after %s', async (name) => {
    const handleSignals = name !== 'SIGKILL';
    const { child, descriptor } = await startChild({ regions: ['us'], portBase: 0, handleSignals });
    const processes = await processesOf(attachStack(descriptor));
    expect(processes.length).toBeGreaterThan(4);
    const exited = once(child, 'exit');
    child.kill(name);
    expect(await exited).toEqual([null, name]);
    await until(async () => (await leftovers(descriptor, processes)).length === 0);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'leaves nothing behind after %s in the middle of its start, not even half a template',
    async (name) => {
      const [directory, cache] = [openDirectory(), openDirectory()];
      // Only Postgres, for which the cache is empty: its template is being made when the signal comes.
      const options = { regions: ['us'], portBase: 0, handleSignals: true, external: elsewhere };
      const { child } = spawnChild(options, { TMPDIR: directory, ATOLL_CACHE: cache });
      const seen = new Map<number, ProcessIdentity>();
      await until(() => {
        const record = runDirectories(directory).map((one) => readRecord(join(directory, one)))[0];
        for (const one of record?.processes ?? []) seen.set(one.pid, one);
        return readdirSync(cache).some((entry) => entry.includes('.building-'));
      });
      const exited = once(child, 'exit');
      child.kill(name);
      expect(await exited).toEqual([null, name]);
      await until(() => runDirectories(directory).length === 0);
      expect([...seen.values()].filter(isAlive)).toEqual([]);
      expect(readdirSync(cache)).toEqual([]);
      expect(readdirSync(join(directory, 'atoll-ports'))).toEqual([]);
      for (const one of [directory, cache]) rmSync(one, { recursive: true });
    },
  );

  it('is cleaned up after by the next one that wants its ports when its watcher was killed too', async () => {
    const { child, descriptor } = await startChild({ regions: ['us'], portBase: 0 });
    const processes = await processesOf(attachStack(descriptor));
    const me = identify(child.pid ?? 0);
    const servers = new Set(processes.map(({ pid }) => pid));
    const watcher = descendants(me === undefined ? [] : [me]).filter(({ pid }) => !servers.has(pid));
    expect(watcher).toHaveLength(1);
    for (const { pid } of watcher) process.kill(pid, 'SIGKILL');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(processes.filter(isAlive).length).toBe(processes.length);

    const next = await startStack({ regions: ['us'], portBase: descriptor.portBase });
    expect(processes.filter(isAlive)).toEqual([]);
    await next.stop();
    expect(await leftovers(descriptor, processes)).toEqual([]);
  });
});

describe('a stack whose data is kept', () => {
  it('finds its rows and records again, and does not share its directory', async () => {
    const persist = mkdtempSync(join(tmpdir(), 'atoll-keep-'));
    rmSync(persist, { recursive: true });
    const options = { regions: ['us'], portBase: 0, persist };
    try {
      const first = await startStack(options);
      await query(first.region('us').postgresUrl, 'create table kept as select 7 as answer');
      const admin = kafkaAt(first.region('us').kafkaBrokers).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'kept' }] });
      await admin.disconnect();
      await expect(startStack(options)).rejects.toMatchObject({ code: 'directory_unusable' });
      const begun = performance.now();
      await first.stop();
      expect(performance.now() - begun).toBeLessThan(4_000);

      const second = await startStack(options);
      expect(await query(second.region('us').postgresUrl, 'select answer from kept')).toEqual([
        { answer: 7 },
      ]);
      const again = kafkaAt(second.region('us').kafkaBrokers).admin();
      await again.connect();
      expect(await again.listTopics()).toContain('kept');
      await again.disconnect();
      await second.stop();
    } finally {
      rmSync(persist, { recursive: true, force: true });
    }
  });
});

describe('a stack that cannot start', () => {
  afterEach(() => void vi.unstubAllEnvs());
  async function failure(options: Parameters<typeof startStack>[0]): Promise<DevStackError> {
    const directory = openDirectory();
    vi.stubEnv('TMPDIR', directory);
    try {
      const stack = await startStack({ regions: ['us'], portBase: 0, ...options });
      await stack.stop();
    } catch (error) {
      if (!(error instanceof DevStackError)) throw error;
      expect(runDirectories(directory)).toEqual([]);
      const locks = join(directory, 'atoll-ports');
      expect(existsSync(locks) ? readdirSync(locks) : []).toEqual([]);
      return error;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    throw new Error('the stack has started');
  }

  it('says what to install when there is no Java', async () => {
    vi.stubEnv('JAVA_HOME', '');
    vi.stubEnv('PATH', '/nowhere');
    const { code, message } = await failure({ external: { us: { postgresUrl: 'postgres://elsewhere' } } });
    expect({ code, message }).toEqual({
      code: 'java_missing',
      message: expect.stringContaining('openjdk-17'),
    });
  });

  it('names the port and the program part when a port is taken', async () => {
    const blocker = createServer();
    // A block whose Postgres port is the blocker's: 40 above its base.
    await until(async () => {
      const base = 2_000 + Math.floor(Math.random() * 16) * 300;
      blocker.listen(base + 40, '127.0.0.1');
      await Promise.race([once(blocker, 'listening'), once(blocker, 'error')]);
      return blocker.listening;
    });
    const address = blocker.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { code, message } = await failure({ portBase: port - 40 });
    expect({ code, message }).toEqual({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port} (Postgres of us)`),
    });
    blocker.close();
  });

  it.each([
    [{ regions: [] }, 'not 0'],
    [{ regions: ['US'] }, '"US" is no region name'],
    [{ regions: ['us', 'us'] }, 'named twice'],
    [{ portBase: 80 }, 'port base'],
    [{ latency: '/nowhere/delays.json' }, '/nowhere/delays.json'],
    [{ latency: { default: { oneWayMillis: -1, jitterMillis: 0 }, links: {} } }, 'oneWayMillis'],
  ])('refuses the options %j', async (options, words) => {
    expect(await failure(options)).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining(words),
    });
  });

  it('takes servers from elsewhere by option and by environment', async () => {
    vi.stubEnv('ATOLL_DEV_POSTGRES_US', 'postgres://elsewhere/db');
    const stack = await startStack({ regions: ['us'], portBase: 0, external: elsewhere });
    try {
      expect(stack.region('us').postgresUrl).toBe('postgres://elsewhere/db');
      expect(stack.region('us').kafkaBrokers).toEqual(['127.0.0.1:9']);
      expect(await processesOf(stack)).toEqual([]);
      await expect(stack.kill('us', 'kafka')).rejects.toMatchObject({ code: 'bad_option' });
    } finally {
      await stack.stop();
    }
  });
});
