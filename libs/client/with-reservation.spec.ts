import { describe, expect, it } from 'vitest';
import { RequestRefused } from './errors.js';
import type { RegionClient } from './region-client.js';
import type { WriteResult } from './wire.js';
import { withReservation } from './with-reservation.js';

const gone = new RequestRefused({
  ...{ status: 404, code: 'reservation_not_found', title: '', detail: '', retryable: false },
  ...{ requestId: '1', region: 'eu', errors: [] },
});
const wanted = { entity: { type: 'stock', id: 'a' }, field: 'units', by: 2, forMillis: 1_000 };

/** A region that takes every change but a confirmation that comes too late. */
function regionWhere(isLate: boolean) {
  const asked: unknown[] = [];
  const change: RegionClient['change'] = (_entity, { operations: [operation] }) => {
    asked.push(operation?.op);
    if (operation?.op === 'confirm' && isLate) return Promise.reject(gone);
    return Promise.resolve({ dot: 'eu~1:0:7' } as WriteResult);
  };
  return { region: { region: 'eu', change } as RegionClient, asked };
}

describe('work with a reservation', () => {
  it('is confirmed once it is done, under the id of the event that reserved', async () => {
    const { region, asked } = regionWhere(false);
    const steps = { work: (id: string) => Promise.resolve(id), compensate: () => Promise.resolve() };
    expect(await withReservation(region, wanted, steps)).toEqual({ kind: 'confirmed', result: 'eu~1:0:7' });
    expect(asked).toEqual(['reserve', 'confirm']);
  });

  it('gives the units back when it fails', async () => {
    const { region, asked } = regionWhere(false);
    const steps = { work: () => Promise.reject(new Error('no money')), compensate: () => Promise.resolve() };
    await expect(withReservation(region, wanted, steps)).rejects.toThrow('no money');
    expect(asked).toEqual(['reserve', 'cancel']);
  });

  it('is undone when the reservation had expired meanwhile', async () => {
    const { region } = regionWhere(true);
    const undone: string[] = [];
    const end = await withReservation(region, wanted, {
      work: () => Promise.resolve('payment 1'),
      compensate: (payment) => Promise.resolve(void undone.push(payment)),
    });
    expect(end).toEqual({ kind: 'compensated', why: gone });
    expect(undone).toEqual(['payment 1']);
  });
});
