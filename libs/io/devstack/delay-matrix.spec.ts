import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { delayBetween, loadDelayMatrix } from './delay-matrix.js';

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'atoll-delay-spec-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'delays.json');
  writeFileSync(path, text);
  return path;
}

describe('the delay matrix', () => {
  it('knows real distances by default, the same in both directions', () => {
    const matrix = loadDelayMatrix('global');
    expect(delayBetween(matrix, 'us', 'eu')).toEqual(delayBetween(matrix, 'eu', 'us'));
    expect(delayBetween(matrix, 'us', 'ap').oneWayMillis).toBeGreaterThan(
      delayBetween(matrix, 'us', 'eu').oneWayMillis,
    );
  });

  it('has a delay also for regions it does not know', () => {
    expect(delayBetween(loadDelayMatrix('global'), 'moon', 'mars').oneWayMillis).toBeGreaterThan(0);
  });

  it('delays nothing when told so', () => {
    expect(delayBetween(loadDelayMatrix('none'), 'us', 'eu')).toEqual({ oneWayMillis: 0, jitterMillis: 0 });
  });

  it('reads a file, in which one direction goes before the pair and the pair before the default', () => {
    const links = { 'a<->b': { oneWayMillis: 10 }, 'a->b': { oneWayMillis: 20, jitterMillis: 1 } };
    const matrix = loadDelayMatrix(fileWith(JSON.stringify({ default: { oneWayMillis: 5 }, links })));
    expect(delayBetween(matrix, 'a', 'b')).toEqual({ oneWayMillis: 20, jitterMillis: 1 });
    expect(delayBetween(matrix, 'b', 'a')).toEqual({ oneWayMillis: 10, jitterMillis: 0 });
    expect(delayBetween(matrix, 'b', 'c')).toEqual({ oneWayMillis: 5, jitterMillis: 0 });
  });

  it.each([
    ['{', 'is not JSON'],
    ['[1]', 'unknown key "0"'],
    ['{"link":{}}', 'unknown key "link"'],
    ['{"links":{"us-eu":{"oneWayMillis":1}}}', '"us-eu" is no link'],
    ['{"links":{"us->eu":{"oneWayMillis":"1"}}}', '"us->eu" needs oneWayMillis'],
    ['{"default":{"oneWayMillis":1e9}}', '"default" needs oneWayMillis'],
  ])('refuses %s and says why', (text, reason) => {
    expect(() => loadDelayMatrix(fileWith(text))).toThrow(reason);
  });
});
