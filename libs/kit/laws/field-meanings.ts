import type { Json } from '#core/json.js';
import type { ExtremumChange } from '#core/merge/extremum.js';
import type { CounterChange } from '#core/merge/counter.js';
import type { FlagChange } from '#core/merge/flag.js';
import type { MapChange } from '#core/merge/map-entry.js';
import type { SetChange } from '#core/merge/observed-remove-set.js';
import type { StatusChange } from '#core/merge/ordered-status.js';
import type { RegisterChange } from '#core/merge/register-change.js';
import { parseJson } from '#core/parse-json.js';
import { isAfter, latest, observed, saw, type Deed, type FieldMeaning } from './entity-oracle.js';

/** What each policy means, by definition: who stands, and who is taken (PROTOCOL §§4, 5, 11). */

/** Of the writes that no other write is after, the one with the greatest hybrid timestamp. */
export const meansLatestWrite: FieldMeaning = (deeds) => {
  const writes = deeds as readonly Deed<RegisterChange>[];
  const standing = writes.filter(
    (write) => write.effective && !writes.some((later) => isAfter(later, write)),
  );
  return latest(standing)?.change.value ?? null;
};

/** All writes that no other write had observed. */
export const meansSiblings: FieldMeaning = (deeds) => {
  const writes = deeds as readonly Deed<RegisterChange>[];
  const standing = writes.filter(
    (write) => write.effective && !writes.some((other) => observed(other, write)),
  );
  const texts = [...new Set(standing.map(({ change }) => JSON.stringify(change.value)))].sort();
  const values = texts.map((text) => parseJson(text) as Json);
  return values.length > 1 ? { siblings: values } : (values[0] ?? null);
};

export const meansSum: FieldMeaning = (deeds) =>
  effective<CounterChange>(deeds).reduce((sum, { change }) => sum + change.by, 0);

export const meansGreatest: FieldMeaning = (deeds) => {
  const values = effective<ExtremumChange>(deeds).map(({ change }) => change.value);
  return values.length === 0 ? null : Math.max(...values);
};

export const meansLeast: FieldMeaning = (deeds) => {
  const values = effective<ExtremumChange>(deeds).map(({ change }) => change.value);
  return values.length === 0 ? null : Math.min(...values);
};

export const meansFurthest =
  (statuses: readonly string[]): FieldMeaning =>
  (deeds) => {
    const ranks = effective<StatusChange>(deeds).map(({ change }) => statuses.indexOf(change.to));
    return statuses[Math.max(0, ...ranks)] as Json;
  };

/** Votes per candidate. */
export const meansVotes: FieldMeaning = (deeds) => {
  const votes = effective<{ readonly for: string }>(deeds).map(({ change }) => change.for);
  return Object.fromEntries(
    [...new Set(votes)].map((one) => [one, votes.filter((vote) => vote === one).length]),
  );
};

/** An element with an add that no removal had seen. */
export const meansAddWins: FieldMeaning = (deeds) => {
  const changes = deeds as readonly Deed<SetChange>[];
  return elementsOf(
    changes.filter(
      (add) => isStanding(add) && !removalsFor(changes, add).some((removal) => saw(removal, add)),
    ),
  );
};

/** An element with an add that has every removal of it in its context. */
export const meansRemoveWins: FieldMeaning = (deeds) => {
  const changes = deeds as readonly Deed<SetChange>[];
  return elementsOf(
    changes.filter(
      (add) => isStanding(add) && removalsFor(changes, add).every((removal) => saw(add, removal)),
    ),
  );
};

function isStanding({ change, effective: counts }: Deed<SetChange>): boolean {
  return counts && change.move === 'add';
}

function removalsFor(
  deeds: readonly Deed<SetChange>[],
  { change: { element } }: Deed<SetChange>,
): readonly Deed<SetChange>[] {
  return deeds.filter(({ change }) => change.move === 'remove' && change.element === element);
}

function elementsOf(adds: readonly Deed<SetChange>[]): Json {
  return [...new Set(adds.map(({ change }) => JSON.stringify(change.element)))]
    .sort()
    .map((text) => parseJson(text) as Json);
}

/** On while there is an enable that no disable had seen. */
export const meansEnableWins: FieldMeaning = (deeds) => {
  const changes = deeds as readonly Deed<FlagChange>[];
  const disables = changes.filter(({ change }) => change === 'disable');
  return changes.some(
    (one) => one.effective && one.change === 'enable' && !disables.some((disable) => saw(disable, one)),
  );
};

/** On while there is an enable that has every disable in its context. */
export const meansDisableWins: FieldMeaning = (deeds) => {
  const changes = deeds as readonly Deed<FlagChange>[];
  const disables = changes.filter(({ change }) => change === 'disable');
  return changes.some(
    (one) => one.effective && one.change === 'enable' && disables.every((disable) => saw(one, disable)),
  );
};

/**
 * A key with a change that no removal of the key had seen; its value is what the changes at the key mean, where such a
 * removal took what they contribute and nothing else.
 */
export const meansMapOf =
  (inner: FieldMeaning): FieldMeaning =>
  (deeds, acts) => {
    const changes = deeds as readonly Deed<MapChange<unknown>>[];
    const shown: [string, Json][] = [];
    for (const key of new Set(changes.map(({ change }) => change.key))) {
      const removals = changes.filter(({ change }) => change.kind === 'remove' && change.key === key);
      const within: Deed[] = [];
      for (const deed of changes) {
        const { change } = deed;
        if (change.kind !== 'at' || change.key !== key) continue;
        const taken = removals.some((removal) => saw(removal, deed));
        within.push({ ...deed, change: change.then, effective: deed.effective && !taken });
      }
      if (within.some((deed) => deed.effective)) shown.push([key, inner(within, acts)]);
    }
    return Object.fromEntries(shown);
  };

function effective<Change>(deeds: readonly Deed[]): readonly Deed<Change>[] {
  return (deeds as readonly Deed<Change>[]).filter((deed) => deed.effective);
}
