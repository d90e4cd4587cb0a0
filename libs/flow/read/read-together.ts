import { compare } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import { entityKey, partitionKey } from '#core/event/shard-of.js';
import type { ReadOutcome } from '../service.js';
import type { AskedRead } from './read-state.js';

export interface Togetherness {
  readonly read: (asked: readonly AskedRead[]) => Promise<readonly ReadOutcome[]>;
  readonly nowMillis: () => number;
}

/**
 * Reads entities of one request so that no atomic change of several is seen in half: where some share a partition key, all are
 * read again until none of those has changed since it was read before. Between the two readings they were as they are answered.
 *
 * @throws AtollError deadline_exceeded where they never stand still
 */
export async function readTogether(
  asked: readonly AskedRead[],
  { read, nowMillis }: Togetherness,
): Promise<readonly ReadOutcome[]> {
  let outcomes = await read(asked);
  const watched = sharing(asked);
  const [first] = watched;
  if (first === undefined) return outcomes;
  for (;;) {
    // All of them, so that what each answer says of its age holds for the last reading.
    const again = await read(asked);
    const isStill = watched.every((at) => isSame(outcomes[at], again[at]));
    if (isStill) return again;
    outcomes = again;
    if (nowMillis() >= (asked[first]?.deadlineMillis ?? 0))
      throw new AtollError('deadline_exceeded', 'the entities change too often to be read together in time');
  }
}

function isSame(before: ReadOutcome | undefined, after: ReadOutcome | undefined): boolean {
  return before !== undefined && after !== undefined && compare(before.seen, after.seen) === 'equal';
}

/** Places of those that others with the same key are beside. */
function sharing(asked: readonly AskedRead[]): readonly number[] {
  if (asked.length < 2) return [];
  const partitions = new Map<string, Map<string, number>>();
  for (const [at, { type, entity }] of asked.entries()) {
    if (!type.partitionBy) continue;
    const key = partitionKey(type.partitionBy, entity.id);
    const places = partitions.get(key) ?? new Map<string, number>();
    places.set(entityKey(entity), at);
    partitions.set(key, places);
  }
  return [...partitions.values()].flatMap((places) => (places.size > 1 ? [...places.values()] : []));
}
