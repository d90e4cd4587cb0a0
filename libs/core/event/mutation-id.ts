/** A `region.uuidv7`: where and when a command was born. */
export interface Birth {
  readonly region: string;
  readonly bornMillis: number;
}

/** Characters of a mutation id, of either form. */
export const mutationIdLengthMax = 200;

const bornForm =
  /^([a-z0-9][a-z0-9-]{0,31})\.([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Region and time of birth of a mutation id; `undefined` for a bare idempotency key, which has neither and is best
 * effort outside the region that first took it (PROTOCOL §5).
 */
export function birthOf(mutationId: string): Birth | undefined {
  const match = bornForm.exec(mutationId);
  if (!match) return undefined;
  const [, region = '', high = '', low = ''] = match;
  return { region, bornMillis: Number.parseInt(high + low, 16) };
}
