import { expect, test } from 'vitest';
import { eventOf } from '#kit/laws/make-event.js';
import type { Event } from '../event/event.js';
import { noEpoch, type Epoch } from './epoch.js';
import { readOpening, writeOpening } from './opening-event.js';
import type { Opening } from './strong-chain.js';

const epoch = (membership: number, counter: number): Epoch => ({ membership, counter });
const opening: Opening = { epoch: epoch(2, 3), home: 'eu~1', seq: 5, previous: epoch(2, 1), close: 9 };
const carried = (one: Opening): Event => ({ ...eventOf('eu:5'), ...writeOpening(one, 7) });

test('an opening is read as it was written', () => {
  for (const previous of [noEpoch, epoch(1, 9), epoch(2, 2)]) {
    expect(readOpening(carried({ ...opening, previous }))).toEqual({ ...opening, previous });
  }
});

test('INV-14: an opening that builds on no epoch below its own is none', () => {
  for (const previous of [opening.epoch, epoch(2, 4), epoch(3, 1)]) {
    expect(readOpening(carried({ ...opening, previous }))).toBeUndefined();
  }
  expect(readOpening({ ...carried({ ...opening, previous: noEpoch }), epoch: '' })).toBeUndefined();
});
