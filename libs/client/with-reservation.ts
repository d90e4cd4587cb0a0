import { RequestRefused } from './errors.js';
import { newMutationId } from './mutation-id.js';
import type { RegionClient } from './region-client.js';
import type { EntityRef, WriteResult } from './wire.js';
import { writeUntilKnown, type WriteEnd } from './write-until-known.js';

/** Units of a bounded counter that somebody wants to have for a while. */
export interface WantedReservation {
  readonly entity: EntityRef;
  readonly field: string;
  readonly by: number;
  /** After so long the region cancels the reservation by itself. In milliseconds. */
  readonly forMillis: number;
}

export interface ReservedWork<T> {
  /** What the units are reserved for, for example a payment. When it throws, the reservation is cancelled. */
  work(reservation: string): Promise<T>;
  /** Undoes the work, which is done, although the units could not be kept: the reservation had expired. */
  compensate(result: T, why: Error): Promise<void>;
}

export type ReservationEnd<T> =
  | { readonly kind: 'confirmed'; readonly result: T }
  /** The units went back on the shelf, and the work was undone. */
  | { readonly kind: 'compensated'; readonly why: Error };

const patienceMillisDefault = 30_000;

/**
 * Reserves units, does the work, and confirms; cancels when the work fails, and compensates it when the reservation had
 * expired meanwhile. All three go to the one region that made the reservation, with mutation ids of their own, so that
 * each counts once however often it is sent.
 *
 * @throws RequestRefused when the units cannot be reserved (`insufficient_rights`), or nobody knows whether the
 *   reservation is confirmed; what `work` and `compensate` throw
 */
export async function withReservation<T>(
  region: RegionClient,
  { entity, field, by, forMillis }: WantedReservation,
  { work, compensate }: ReservedWork<T>,
  { patienceMillis = patienceMillisDefault }: { readonly patienceMillis?: number } = {},
): Promise<ReservationEnd<T>> {
  const send = (
    operation: Readonly<Record<string, string | number>> & { readonly op: string },
  ): Promise<WriteEnd> => {
    const mutationId = newMutationId(region.region);
    const body = { operations: [{ field, ...operation }] };
    return writeUntilKnown([region], (client) => client.change(entity, body, { mutationId }), {
      deadlineMillis: patienceMillis,
    });
  };
  const { dot: reservation } = done(await send({ op: 'reserve', by, forMillis }));
  let result: T;
  try {
    result = await work(reservation);
  } catch (error) {
    // If this does not get through, the reservation expires by itself.
    await send({ op: 'cancel', reservation });
    throw error;
  }
  const end = await send({ op: 'confirm', reservation });
  if (
    end.kind === 'fail' &&
    end.error instanceof RequestRefused &&
    end.error.code === 'reservation_not_found'
  ) {
    await compensate(result, end.error);
    return { kind: 'compensated', why: end.error };
  }
  done(end);
  return { kind: 'confirmed', result };
}

function done(end: WriteEnd): WriteResult {
  if (end.kind === 'ok') return end.write;
  throw end.error;
}
