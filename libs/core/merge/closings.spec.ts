import { describe, expect, it } from 'vitest';
import { closed, isNothing, mayAgree, nothingClosed, votersAgainst, type ClosingRecord } from './closings.js';

const us = 'us~1';
const eu = 'eu~1';
const ap = 'ap~1';

/** eu stands to take the rights of us over, and ap agrees. */
const euStands = closed(nothingClosed, { kind: 'stand', of: us, stated: false }, { actor: eu, seq: 3 });
const apAgrees = closed(euStands, { kind: 'vote', stand: { actor: eu, seq: 3 } }, { actor: ap, seq: 7 });

function ended(kind: 'yield' | 'reclaim'): ClosingRecord {
  const stand = { actor: eu, seq: 3 };
  const deed =
    kind === 'yield' ? { kind, stand } : ({ kind, stand, of: us, spend: 1, increment: 0 } as const);
  return closed(apAgrees, deed, { actor: eu, seq: 4 });
}

describe('who agrees to the closing of rights', () => {
  it('agrees to no other heir before it has seen how the first one ended', () => {
    const mine = { heir: ap, of: us };
    expect(mayAgree(apAgrees, ap, mine)).toBe(false);
    expect(mayAgree(apAgrees, eu, { heir: ap, of: us })).toBe(false);
    expect(mayAgree(ended('yield'), ap, mine)).toBe(true);
    expect(mayAgree(ended('reclaim'), ap, mine)).toBe(true);
  });

  it('may agree to close the heir itself, and not to what the two would do to each other', () => {
    expect(mayAgree(apAgrees, ap, { heir: ap, of: eu })).toBe(true);
    expect(mayAgree(apAgrees, ap, { heir: us, of: eu })).toBe(false);
  });

  it('never agrees to close its own rights', () => {
    expect(mayAgree(nothingClosed, us, { heir: eu, of: us })).toBe(false);
    expect(mayAgree(nothingClosed, us, { heir: us, of: us })).toBe(false);
  });

  it('counts once, and not any more when the closing is over', () => {
    const again = closed(apAgrees, { kind: 'vote', stand: { actor: eu, seq: 3 } }, { actor: ap, seq: 8 });
    expect(votersAgainst(again, us)).toEqual([ap, eu]);
    expect(votersAgainst(ended('yield'), us)).toEqual([]);
    expect(isNothing(ended('yield'))).toBe(true);
  });

  it('takes nothing over any more once its own rights are taken over', () => {
    const euIsOver = closed(
      apAgrees,
      { kind: 'reclaim', stand: { actor: ap, seq: 9 }, of: eu, spend: 0, increment: 0 },
      { actor: ap, seq: 10 },
    );
    expect(euIsOver.open).toEqual([]);
  });
});
