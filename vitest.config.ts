import { defineConfig, type UserProjectConfigExport } from 'vitest/config';

/** Source files answer for `#core/...` and its like, so that tests never run a stale build. */
const conditions = ['atoll-source', 'node'];

/** Nest reads constructor types from decorator metadata; the transformer emits it for every file. */
const oxc = { decorator: { legacy: true, emitDecoratorMetadata: true } };

const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node'] } },
  oxc,
};

const never = ['**/node_modules/**', '**/dist/**', 'test/tidy/planted/**'];
const seconds = (count: number): number => count * 1000;

interface Loop {
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly timeoutMillis: number;
  /** One process and one file at a time: these tests share real servers or all cores. */
  readonly alone?: boolean;
  /** Files at a time; absent: two, one per core of a small machine. */
  readonly workers?: number;
  readonly globalSetup?: string;
  /** Files share a process one after the other: for suites that keep no state in modules. */
  readonly reuseWorkers?: boolean;
}

function project(name: string, loop: Loop): UserProjectConfigExport {
  return {
    ...shared,
    test: {
      name,
      include: [...loop.include],
      exclude: [...never, ...(loop.exclude ?? [])],
      environment: 'node',
      pool: 'forks',
      testTimeout: loop.timeoutMillis,
      hookTimeout: loop.timeoutMillis,
      ...(loop.alone === true
        ? { fileParallelism: false, maxWorkers: 1 }
        : { maxWorkers: loop.workers ?? 2 }),
      isolate: loop.reuseWorkers !== true,
      ...(loop.globalSetup === undefined ? {} : { globalSetup: loop.globalSetup }),
    },
  };
}

/**
 * When everything is done, Node 24 takes its environment apart, and now and then spins there for ever, waiting for a handle
 * that never closes. A process that is told to exit does not take it apart.
 */
process.once('beforeExit', () => process.exit());

export default defineConfig({
  ...shared,
  test: {
    passWithNoTests: true,
    projects: [
      project('unit', {
        include: ['libs/**/*.spec.ts', 'apps/**/*.spec.ts'],
        exclude: ['**/*.law.spec.ts', '**/*.it.spec.ts'],
        timeoutMillis: seconds(30),
        reuseWorkers: true,
      }),
      project('laws', {
        include: ['libs/**/*.law.spec.ts'],
        timeoutMillis: seconds(180),
        reuseWorkers: true,
      }),
      project('sim', {
        include: ['test/simulation/**/*.spec.ts', 'test/model/**/*.spec.ts'],
        timeoutMillis: seconds(180),
      }),
      // They wait more than they work, each for servers of its own: three files at a time.
      project('ports', {
        include: ['libs/**/*.it.spec.ts', 'apps/**/*.it.spec.ts'],
        timeoutMillis: seconds(120),
        workers: 3,
        globalSetup: './test/integration/global-setup.ts',
      }),
      project('integration', {
        include: ['test/integration/**/*.spec.ts'],
        timeoutMillis: seconds(120),
        alone: true,
        globalSetup: './test/integration/global-setup.ts',
      }),
      project('containers', {
        include: ['test/containers/**/*.spec.ts'],
        timeoutMillis: seconds(600),
        alone: true,
        globalSetup: './test/containers/global-setup.ts',
      }),
      project('tidy', { include: ['test/tidy/**/*.spec.ts'], timeoutMillis: seconds(60) }),
    ],
  },
});
