/**
 * Compiles the sources to dist/ when they changed since the last build, else does nothing.
 *
 * A stamp (hash over path and content of every source file) decides, not file times: a clone, a checkout
 * and a restored cache all give misleading times.
 */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { cp, mkdir, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './node.mjs';

const dist = join(root, 'dist');
const stampFile = join(dist, '.stamp');
const lockFile = join(root, 'node_modules', '.cache', 'atoll-build.lock');
const roots = ['libs', 'apps', 'test'];
const settings = ['tsconfig.base.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
const lockPollMillis = 100;

const isSpec = (path) => path.endsWith('.spec.ts');
const isPlanted = (path) => path.startsWith(join('test', 'tidy', 'planted'));
const isCompiled = (path) => extname(path) === '.ts';
/** What the programs read beside their code (SQL, pages, poms) goes to the same place under dist. */
const isAsset = (path) => !isCompiled(path) && !path.endsWith('tsconfig.json') && extname(path) !== '.md';

async function sourceFiles() {
  const found = [];
  for (const folder of roots) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      if (entry.isFile()) found.push(relative(root, join(entry.parentPath, entry.name)));
    }
  }
  return found.filter((path) => !isSpec(path) && !isPlanted(path)).sort();
}

async function stampOf(paths) {
  const hash = createHash('sha256');
  for (const path of [...settings, ...paths]) {
    hash
      .update(`${path}\0`)
      .update(await readFile(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Removes what an earlier build left of sources that are gone, so that nothing can import a ghost. */
async function removeGhosts(paths) {
  const wanted = new Set(paths);
  for (const folder of roots) {
    const entries = await readdir(join(dist, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const built = join(entry.parentPath, entry.name);
      const path = relative(dist, built);
      const source = path.replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts');
      if (!wanted.has(source) && !wanted.has(path)) await rm(built);
    }
  }
}

async function copyAssets(paths) {
  for (const path of paths.filter(isAsset)) {
    await mkdir(dirname(join(dist, path)), { recursive: true });
    await cp(join(root, path), join(dist, path));
  }
}

function compile(projects) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const child = spawn(process.execPath, [tsc, '-b', ...projects], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('the sources do not compile'))));
  });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** One build at a time per clone; a lock whose owner is gone counts for nothing. */
async function withLock(work) {
  await mkdir(dirname(lockFile), { recursive: true });
  for (;;) {
    const handle = await open(lockFile, 'wx').catch((error) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (handle !== undefined) {
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    }
    const owner = Number(await readFile(lockFile, 'utf8').catch(() => '0'));
    const age = await stat(lockFile).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    const abandoned = owner > 0 ? !isAlive(owner) : age > 1000;
    if (abandoned) await rm(lockFile, { force: true });
    else await sleep(lockPollMillis);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

const builtStamp = () => readFile(stampFile, 'utf8').catch(() => '');

/** Brings dist/ up to date; prints one line when there was something to do. Throws when it does not compile. */
export async function buildIfNeeded(projects = ['tsconfig.build.json']) {
  if ((await builtStamp()) === (await stampOf(await sourceFiles()))) return;
  await withLock(async () => {
    const paths = await sourceFiles();
    const stamp = await stampOf(paths);
    if ((await builtStamp()) === stamp) return;
    process.stderr.write('building\n');
    await compile(projects);
    await copyAssets(paths);
    await removeGhosts(paths);
    await writeFile(stampFile, stamp);
  });
}

if (process.argv[1] === import.meta.filename) {
  // `--programs`: what a region runs, without the tests; for the image.
  const programs = process.argv.includes('--programs') ? ['apps/region', 'apps/cli'] : undefined;
  await buildIfNeeded(programs).catch((error) => {
    process.stderr.write(`build failed: ${error.message}\n`);
    process.exitCode = 1;
  });
}
