import { describe, expect, it } from 'vitest';
import { Freshness } from './freshness.js';

const folded =
  (entries: Record<string, number>) =>
  (actor: string): number =>
    entries[actor] ?? 0;

describe('freshness of one shard', () => {
  it('is not known until every region has been heard', () => {
    const freshness = new Freshness(['us', 'ap']);
    freshness.report('us', { actor: 'us~1', lastSeq: 0, sinceMillis: 100 });
    expect(freshness.sinceAll(folded({}))).toBeUndefined();
    freshness.report('ap', { actor: 'ap~1', lastSeq: 0, sinceMillis: 40 });
    expect(freshness.sinceAll(folded({}))).toBe(40);
    expect(freshness.since('us', folded({}))).toBe(100);
  });

  it('counts a report only once the stream that it names is folded', () => {
    const freshness = new Freshness(['us']);
    freshness.report('us', { actor: 'us~1', lastSeq: 1, sinceMillis: 10 });
    freshness.report('us', { actor: 'us~1', lastSeq: 3, sinceMillis: 20 });
    expect(freshness.sinceAll(folded({ 'us~1': 0 }))).toBeUndefined();
    expect(freshness.sinceAll(folded({ 'us~1': 2 }))).toBe(10);
    expect(freshness.sinceAll(folded({ 'us~1': 3 }))).toBe(20);
  });

  it('never grows younger by an older report that counts late', () => {
    const freshness = new Freshness(['us']);
    freshness.report('us', { actor: 'us~2', lastSeq: 9, sinceMillis: 10 });
    freshness.report('us', { actor: 'us~1', lastSeq: 1, sinceMillis: 20 });
    expect(freshness.sinceAll(folded({ 'us~1': 1 }))).toBe(20);
    expect(freshness.sinceAll(folded({ 'us~1': 1, 'us~2': 9 }))).toBe(20);
  });

  it('gets on under steady load, and holds few reports however long nothing arrives', () => {
    const freshness = new Freshness(['us']);
    for (let seq = 1; seq <= 10_000; seq += 1)
      freshness.report('us', { actor: 'us~1', lastSeq: seq, sinceMillis: seq });
    expect(freshness.sinceAll(folded({ 'us~1': 5 }))).toBe(5);
    expect(freshness.sinceAll(folded({ 'us~1': 9_999 }))).toBe(63);
    expect(freshness.sinceAll(folded({ 'us~1': 10_000 }))).toBe(10_000);
  });
});
