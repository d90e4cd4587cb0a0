import { describe, expect, it } from 'vitest';
import { NoAnswer, RequestRefused } from './errors.js';
import type { RegionClient } from './region-client.js';
import type { WriteResult } from './wire.js';
import { readFailure, writeUntilKnown } from './write-until-known.js';

const [us, eu] = ['us', 'eu'].map((region) => ({ region }) as RegionClient) as [RegionClient, RegionClient];
const done = { dot: 'us~1:0:1' } as WriteResult;

const refused = (code: string, retryable: boolean): RequestRefused =>
  new RequestRefused({
    ...{ status: 400, code, title: '', detail: '', retryable },
    ...{ requestId: '1', region: 'us', errors: [] },
  });

/** Answers each try in turn, and tells where it went. */
function script(...answers: readonly (Error | WriteResult)[]) {
  const asked: string[] = [];
  const send = async (region: RegionClient): Promise<WriteResult> => {
    const answer = answers[asked.length];
    asked.push(region.region);
    if (answer === undefined || answer instanceof Error) throw answer ?? new NoAnswer('gone', false);
    return answer;
  };
  return { send, asked };
}

const patience = { deadlineMillis: 2_000 };

describe('a write', () => {
  it('is tried again until it is answered, also after no answer', async () => {
    const { send, asked } = script(new NoAnswer('reset', true), refused('owner_moved', true), done);
    expect(await writeUntilKnown([us], send, patience)).toEqual({ kind: 'ok', write: done, tries: 3 });
    expect(asked).toEqual(['us', 'us', 'us']);
  });

  it('moves to the next region after some tries, and back', async () => {
    const failures = Array.from({ length: 4 }, () => new NoAnswer('refused', false));
    const { send, asked } = script(...failures, done);
    await writeUntilKnown([us, eu], send, { ...patience, triesPerRegion: 2 });
    expect(asked).toEqual(['us', 'us', 'eu', 'eu', 'us']);
  });

  it('has failed when it is refused for good before anything can have been done', async () => {
    const { send } = script(new NoAnswer('refused', false), refused('invalid_value', false));
    expect(await writeUntilKnown([us], send, patience)).toMatchObject({ kind: 'fail', tries: 2 });
  });

  it('is unknown when it is refused for good after a try that may have been done', async () => {
    const { send } = script(new NoAnswer('reset', true), refused('mutation_expired', false));
    expect(await writeUntilKnown([us], send, patience)).toMatchObject({ kind: 'unknown', tries: 2 });
  });

  it('is unknown at its deadline when some try may have been done, and failed when none can', async () => {
    const soon = { deadlineMillis: 0 };
    expect(await writeUntilKnown([us], script(new NoAnswer('', true)).send, soon)).toMatchObject({
      kind: 'unknown',
    });
    expect(await writeUntilKnown([us], script(new NoAnswer('', false)).send, soon)).toMatchObject({
      kind: 'fail',
    });
    const early = script(refused('not_covered_yet', true));
    expect(await writeUntilKnown([us], early.send, soon)).toMatchObject({ kind: 'fail' });
  });

  it("throws on an error that is neither a region's nor a connection's", async () => {
    await expect(writeUntilKnown([us], script(new TypeError('a bug')).send, patience)).rejects.toThrow(
      'a bug',
    );
  });
});

describe('a failed try', () => {
  it.each([
    [new NoAnswer('', true), true, true],
    [new NoAnswer('', false), true, false],
    [refused('deadline_exceeded', true), true, true],
    [refused('overloaded', true), true, false],
    [refused('unknown_field', false), false, false],
  ])('says whether to try again and whether it may have been done: %s', (error, retryable, mayBeDone) => {
    expect(readFailure(error)).toMatchObject({ retryable, mayBeDone });
  });
});
