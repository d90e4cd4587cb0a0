import { describe, expect, it } from 'vitest';
import { compareEpochs, formatEpoch, nextEpoch, noEpoch, parseEpoch, type Epoch } from './epoch.js';
import {
  adopt,
  chainGap,
  fateOf,
  noOpenings,
  noPosition,
  openingOn,
  positionOf,
  wasDecided,
  withOpening,
  type Opening,
  type Position,
} from './strong-chain.js';

const epoch = (counter: number): Epoch => ({ membership: 1, counter });
const at = (counter: number, seq: number): Position => ({ epoch: epoch(counter), seq });
const first: Opening = { epoch: epoch(1), home: 'us', seq: 1, previous: noEpoch, close: 0 };
/** Left out: epoch 1 from us:50 on. */
const second: Opening = { epoch: epoch(2), home: 'eu', seq: 3, previous: epoch(1), close: 49 };
/** A target that opened on epoch 1 too, and was outbid. */
const outbid: Opening = { epoch: epoch(3), home: 'ap', seq: 7, previous: epoch(1), close: 50 };
const fourth: Opening = { epoch: epoch(4), home: 'us', seq: 60, previous: epoch(2), close: 9 };
const openings = [first, second, outbid, fourth].reduce(withOpening, noOpenings);
const stores =
  (seqs: Readonly<Record<string, number>>) =>
  (actor: string): number =>
    seqs[actor] ?? 0;

describe('epochs', () => {
  it('are ordered by membership, then by counter, and are written as they are read', () => {
    expect(compareEpochs({ membership: 1, counter: 9 }, { membership: 2, counter: 1 })).toBeLessThan(0);
    expect(parseEpoch(formatEpoch(epoch(12)))).toEqual(epoch(12));
    expect(parseEpoch(formatEpoch(noEpoch))).toEqual(noEpoch);
    for (const text of ['1', '1.', '0.1', '1.01', '-1.2', '1.99999999999999999', '1.2147483648']) {
      expect(parseEpoch(text)).toBeUndefined();
    }
    expect(nextEpoch(noEpoch, 1)).toEqual(epoch(1));
    expect(nextEpoch(epoch(4), 1)).toEqual(epoch(5));
    expect(nextEpoch(epoch(4), 2)).toEqual({ membership: 2, counter: 1 });
  });

  it('INV-14: that follow what can be read can be read', () => {
    for (const text of ['1.2147483646', '1.2147483647', '2147483647.2147483647']) {
      const heard = parseEpoch(text);
      expect(heard).toBeDefined();
      const next = heard && nextEpoch(heard, heard.membership);
      if (next) expect(parseEpoch(formatEpoch(next))).toEqual(next);
      else expect(heard?.counter).toBe(2_147_483_647);
    }
    for (const text of [`1.${Number.MAX_SAFE_INTEGER}`, `${Number.MAX_SAFE_INTEGER}.1`])
      expect(parseEpoch(text)).toBeUndefined();
  });
});

describe('a position', () => {
  it('is the greatest epoch whose opening and whole tail are stored', () => {
    expect(positionOf(openings, stores({}))).toEqual(noPosition);
    expect(positionOf(openings, stores({ us: 12 }))).toEqual(at(1, 12));
    expect(positionOf(openings, stores({ us: 48, eu: 8 }))).toEqual(at(1, 48));
    expect(positionOf(openings, stores({ us: 49, eu: 8 }))).toEqual(at(2, 8));
    expect(positionOf(openings, stores({ us: 62, eu: 8 }))).toEqual(at(2, 8));
    expect(positionOf(openings, stores({ us: 62, eu: 9 }))).toEqual(at(4, 62));
  });

  it('that is missing says which stream to fetch, or which opening', () => {
    expect(chainGap(openings, fourth, stores({ us: 62, eu: 8 }))).toEqual({
      kind: 'tail',
      actor: 'eu',
      upTo: 9,
    });
    expect(chainGap(withOpening(noOpenings, fourth), fourth, stores({ us: 62 }))).toEqual({
      kind: 'opening',
      epoch: epoch(2),
    });
    expect(chainGap(openings, fourth, stores({ us: 62, eu: 9 }))).toBeUndefined();
  });

  it('of a later epoch is greater than any longer stream of an earlier one', () => {
    expect(adopt([at(1, 900), at(2, 3), at(2, 1)])).toEqual(at(2, 3));
    expect(adopt([])).toEqual(noPosition);
  });
});

describe('an opening', () => {
  it('closes the stream it builds on where it was adopted', () => {
    const own = { epoch: epoch(2), home: 'eu', seq: 3 };
    expect(openingOn(withOpening(noOpenings, first), at(1, 49), own)).toEqual(second);
    expect(openingOn(noOpenings, noPosition, own)).toEqual({ ...own, previous: noEpoch, close: 0 });
  });

  it('stands for its epoch for ever', () => {
    expect(withOpening(openings, { ...second, close: 50 })).toBe(openings);
  });
});

describe('a strong event', () => {
  const event = (counter: number, actor: string, seq: number) => ({ epoch: epoch(counter), actor, seq });

  it('is decided up to the decided seq of the newest epoch, and undecided beyond', () => {
    expect(fateOf(openings, at(1, 50), event(1, 'us', 50))).toBe('decided');
    expect(fateOf(openings, at(1, 50), event(1, 'us', 51))).toBe('undecided');
    expect(fateOf(openings, at(1, 50), event(2, 'eu', 4))).toBe('undecided');
  });

  it('of an earlier epoch is decided up to where a decided opening closes it, and refused beyond', () => {
    expect(fateOf(openings, at(2, 3), event(1, 'us', 49))).toBe('decided');
    expect(fateOf(openings, at(2, 3), event(1, 'us', 50))).toBe('refused');
    expect(fateOf(openings, at(4, 60), event(2, 'eu', 9))).toBe('decided');
    expect(fateOf(openings, at(4, 60), event(2, 'eu', 10))).toBe('refused');
    expect(fateOf(openings, at(4, 60), event(1, 'us', 50))).toBe('refused');
  });

  it('of an epoch that no later one built on is refused', () => {
    expect(fateOf(openings, at(4, 60), event(3, 'ap', 8))).toBe('refused');
  });

  it('is not settled by an opening that is stored and not decided', () => {
    expect(fateOf(openings, noPosition, event(1, 'us', 50))).toBe('undecided');
    expect(fateOf(openings, at(2, 2), event(1, 'us', 50))).toBe('undecided');
    expect(fateOf(withOpening(noOpenings, fourth), at(4, 60), event(1, 'us', 50))).toBe('undecided');
  });

  it('INV-14: is settled by no chain that does not go down', () => {
    const around = { ...second, previous: second.epoch };
    expect(fateOf(withOpening(noOpenings, around), at(2, 3), event(1, 'us', 9))).toBe('undecided');
    expect(wasDecided(withOpening(noOpenings, around), event(1, 'us', 9))).toBe(false);
    const up = withOpening(withOpening(noOpenings, { ...second, previous: epoch(3) }), {
      ...outbid,
      previous: epoch(2),
    });
    expect(fateOf(up, at(3, 7), event(1, 'us', 9))).toBe('undecided');
  });

  it('is refused when another than the home wrote it', () => {
    expect(fateOf(openings, at(2, 9), event(2, 'us', 5))).toBe('refused');
    expect(fateOf(openings, at(2, 9), event(2, 'eu', 2))).toBe('refused');
  });
});
