import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readText, repositoryRoot, trackedFiles } from './repository.js';

const files = trackedFiles().filter((path) => existsSync(join(repositoryRoot, path)));
const binary = /\.(png|jpg|gif|ico|woff2?|gz|zip|jar)$/;
const source = /\.(ts|mts|js|mjs|cjs|css|sql|proto)$/;
const sources = files.filter((path) => source.test(path));
const texts = files.filter((path) => !binary.test(path) && path !== 'package-lock.json');
/** This file and the lint rules have to name what they forbid. */
const speaksOfRules = (path: string): boolean =>
  path === 'test/tidy/repository.spec.ts' || path === 'eslint.config.js' || path === 'scripts/lint-rules.mjs';

/** `path:line: text` for each line of the files that matches. */
function linesWith(pattern: RegExp, among: readonly string[]): string[] {
  return among
    .filter((path) => !speaksOfRules(path))
    .flatMap((path) =>
      readText(path)
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
}

describe('a source file', () => {
  it('has at most 400 lines', () => {
    const long = sources.filter((path) => readText(path).trimEnd().split('\n').length > 400);
    expect(long).toEqual([]);
  });

  it('leaves nothing for later', () => {
    expect(linesWith(/\b(TODO|FIXME|XXX)\b/, sources)).toEqual([]);
  });

  it('swallows no error', () => {
    const swallowing = /catch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\(\s*\(\w*\)\s*=>\s*\{\s*\}\s*\)/;
    const swallows = sources.filter((path) => !speaksOfRules(path) && swallowing.test(readText(path)));
    expect(swallows).toEqual([]);
  });

  it('exports no name that says nothing', () => {
    const empty =
      /^export .*\b(class|function|const|interface|type)\s+\w*(Manager|Helper|Helpers|Util|Utils|Impl)\b/;
    expect(linesWith(empty, sources)).toEqual([]);
  });
});

describe('a test', () => {
  const tests = sources.filter((path) => path.endsWith('.spec.ts'));

  it('is never skipped, singled out or only announced', () => {
    expect(linesWith(/\b(it|test|describe|suite)(\.\w+)*\.(skip|only|todo|skipIf|runIf)\b/, tests)).toEqual(
      [],
    );
    expect(linesWith(/\b(xit|xdescribe|fit|fdescribe)\(/, tests)).toEqual([]);
  });

  it('lies where one of the test loops finds it', () => {
    const found = /^(libs|apps)\/|^test\/(simulation|model|integration|containers|tidy)\//;
    expect(tests.filter((path) => !found.test(path))).toEqual([]);
  });
});

describe('a name', () => {
  const conventional =
    /^(README|LICENSE|NOTICE|CHANGELOG|CONTRIBUTING|SECURITY|Dockerfile|Chart\.yaml|_helpers\.tpl)/;
  const upperCaseDoc = /^docs\/[A-Z-]+\.md$/;
  const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;

  it('is written in kebab-case', () => {
    const odd = files.filter((path) => {
      if (upperCaseDoc.test(path) || conventional.test(basename(path))) return false;
      return !path.split('/').every((part) => kebab.test(part) || part === '__snapshots__');
    });
    expect(odd).toEqual([]);
  });

  it('of a folder says what is in it', () => {
    const vague = /(^|\/)(common|shared|utils?|helpers?|misc)\//;
    expect(files.filter((path) => vague.test(path))).toEqual([]);
  });
});

describe('the repository', () => {
  it('knows no path of any one machine', () => {
    const machinePath = /(^|[\s'"`(=:])(\/work\/|\/Users\/|\/home\/[a-z]+\/|\/root\/)/;
    expect(linesWith(machinePath, texts)).toEqual([]);
  });

  it('names no package registry or mirror', () => {
    const registry =
      /https?:\/\/[\w.-]*(registry|artifactory|nexus|mirror|proxy)[\w-]*\.|^\s*(@[\w-]+:)?registry\s*=/i;
    expect(linesWith(registry, texts)).toEqual([]);
  });

  it('locks versions without saying which host they came from', () => {
    expect(readText('package-lock.json')).not.toContain('"resolved": "http');
  });

  it('commits nothing that is built', () => {
    expect(files.filter((path) => /^(dist|node_modules|coverage|\.cache)\//.test(path))).toEqual([]);
  });

  it('commits no file above 2 MiB, but data for the examples', () => {
    const large = texts.filter((path) => readText(path).length > 2 ** 21);
    expect(large).toEqual([]);
  });
});

describe('a document', () => {
  const documents = files.filter((path) => path.endsWith('.md'));
  const withoutCode = (text: string): string => text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');

  /** The anchor that a heading gets where Markdown is shown. */
  function anchorsOf(path: string): string[] {
    const headings = [...readText(path).matchAll(/^#+\s+(.+)$/gm)].map((match) => match[1] ?? '');
    return headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    );
  }

  it('of the README gives no figure but those that were kept', () => {
    const figures = readText('README.md').match(/\d+\.\d+x \([\d.]+-[\d.]+\)/g) ?? [];
    const kept = readText('docs/benchmarks/README.md');
    expect(figures.length).toBeGreaterThan(0);
    expect(figures.filter((figure) => !kept.includes(figure))).toEqual([]);
  });

  it('links only to what exists', () => {
    const broken = documents.flatMap((path) => {
      const targets = [...withoutCode(readText(path)).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(
        (match) => match[1] ?? '',
      );
      return targets
        .filter((target) => !/^(https?|mailto):/.test(target))
        .filter((target) => {
          const [file = '', anchor] = decodeURI(target).split('#');
          const linked = file === '' ? path : join(dirname(path), file);
          if (!existsSync(join(repositoryRoot, linked))) return true;
          return anchor !== undefined && linked.endsWith('.md') && !anchorsOf(linked).includes(anchor);
        })
        .map((target) => `${path}: ${target}`);
    });
    expect(broken).toEqual([]);
  });
});
