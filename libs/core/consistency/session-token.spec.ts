import { describe, expect, it } from 'vitest';
import { canonicalText } from '../event/canonical-json.js';
import type { Json, JsonObject } from '../json.js';
import { compactSessionText, readCompactSession, type SessionCursors } from './session-token.js';

const session: SessionCursors = new Map([
  [10, new Map([['us~1', 7]])],
  [
    2,
    new Map([
      ['eu~1', 3],
      ['ap"1', 1],
    ]),
  ],
  [0, new Map([['ap"1', 4]])],
]);
const about = { region: 'eu', version: 2 };

describe('a session as text', () => {
  it('is canonical, and stands for what it was made of', () => {
    const text = compactSessionText(session, about);
    const json = JSON.parse(text) as JsonObject;
    expect(canonicalText(json as Json)).toBe(text);
    expect(json).toMatchObject({ region: 'eu', v: 2 });
    expect(readCompactSession(json['actors'], json['cursors'], 16)).toEqual(session);
  });

  it('says nothing of a shard in which nothing was seen', () => {
    expect(compactSessionText(new Map([[3, new Map()]]), about)).toBe(
      '{"actors":[],"cursors":{},"region":"eu","v":2}',
    );
  });
});
