import { describe, expect, it } from 'vitest';
import { StabilityTracker } from './stability.js';

const vector = (entries: Record<string, number>): ReadonlyMap<string, number> =>
  new Map(Object.entries(entries));

describe('stability of one shard', () => {
  it('is empty until every peer has been heard', () => {
    const tracker = new StabilityTracker(['us', 'ap']);
    const here = vector({ 'eu~1': 5 });
    tracker.report('us', { folded: vector({ 'eu~1': 5 }), actor: 'us~1', lastSeq: 0 }, here);
    expect(tracker.stable(here)).toEqual(vector({}));
    tracker.report('ap', { folded: vector({ 'eu~1': 3 }), actor: 'ap~1', lastSeq: 0 }, here);
    expect(tracker.stable(here)).toEqual(vector({ 'eu~1': 3 }));
  });

  it('counts a report only once the stream it names is folded here', () => {
    const tracker = new StabilityTracker(['us']);
    tracker.report(
      'us',
      { folded: vector({ 'eu~1': 5 }), actor: 'us~1', lastSeq: 2 },
      vector({ 'eu~1': 5, 'us~1': 1 }),
    );
    expect(tracker.stable(vector({ 'eu~1': 5, 'us~1': 1 }))).toEqual(vector({}));
    tracker.advance(vector({ 'eu~1': 5, 'us~1': 2 }));
    expect(tracker.stable(vector({ 'eu~1': 5, 'us~1': 2 }))).toEqual(vector({ 'eu~1': 5 }));
  });

  it('counts a report only once all that the member had folded is folded here', () => {
    // us was restored, and a command that its first life took reached eu alone: it is concurrent with what us mints now.
    const tracker = new StabilityTracker(['eu', 'ap']);
    const before = vector({ 'us~2': 1 });
    tracker.report('eu', { folded: vector({ 'us~1': 1, 'us~2': 1 }), actor: 'eu~1', lastSeq: 0 }, before);
    tracker.report('ap', { folded: vector({ 'us~2': 1 }), actor: 'ap~1', lastSeq: 0 }, before);
    expect(tracker.stable(before)).toEqual(vector({}));
    const after = vector({ 'us~1': 1, 'us~2': 1 });
    tracker.advance(after);
    expect(tracker.stable(after)).toEqual(vector({ 'us~2': 1 }));
  });

  it('gets on under steady load, although newer reports always name what has not arrived', () => {
    const tracker = new StabilityTracker(['us']);
    tracker.report('us', { folded: vector({ 'eu~1': 1 }), actor: 'us~1', lastSeq: 1 }, vector({ 'eu~1': 9 }));
    tracker.report(
      'us',
      { folded: vector({ 'eu~1': 2 }), actor: 'us~1', lastSeq: 2 },
      vector({ 'eu~1': 9, 'us~1': 1 }),
    );
    expect(tracker.stable(vector({ 'eu~1': 9, 'us~1': 1 }))).toEqual(vector({ 'eu~1': 1 }));
  });
});
