import { birthOf } from '#core/event/mutation-id.js';

/** Ids that all shards of a region may remember in one process; in memory some 32 bytes each (INV-15). */
const rememberedMax = 128 * 1024;

/** So many of a shard are remembered at least, once so many have come; twice as many at most. */
export function generationOf(shards: number): number {
  return Math.ceil(rememberedMax / 2 / shards);
}

/** Mutation ids noted one after the other, as numbers, and the latest birth per region among them. */
interface Generation {
  readonly ids: Set<number>;
  readonly newest: Map<string, number>;
}

/**
 * Tells of a received event, without the database, that no other event of its command is stored in the shard. That is asked of
 * every event, and nearly always so: asking the database cost a small batch as much as writing it.
 *
 * It knows of all records of the shard that were born after some time: those that the owner has written since it has the shard,
 * without the oldest. Copies of a command have one id, and with it one birth (PROTOCOL §5): what was born later than all that is
 * not known here, in the same region, and is not known, has no copy. Whatever else may have one, and is looked for.
 */
export class KnownMutations {
  private young: Generation = emptyGeneration();
  private old: Generation = emptyGeneration();
  /** Per region of birth: all records born later are known. Of regions that are not named nothing is. */
  private readonly since: Map<string, number>;

  /** @param newest per region the latest birth of any record that was written before; of other regions nothing is known. */
  constructor(
    newest: ReadonlyMap<string, number>,
    private readonly generation: number,
  ) {
    this.since = new Map(newest);
  }

  /** A record of the shard was written. */
  note(id: string): void {
    const birth = birthOf(id);
    if (!birth) return;
    const { ids, newest } = this.young;
    ids.add(numberOf(id));
    newest.set(birth.region, Math.max(newest.get(birth.region) ?? 0, birth.bornMillis));
    if (ids.size >= this.generation) this.age();
  }

  /** Whether there is surely no record of it. */
  isSurelyNew(id: string): boolean {
    const birth = birthOf(id);
    if (!birth || birth.bornMillis <= (this.since.get(birth.region) ?? Infinity)) return false;
    const number = numberOf(id);
    return !this.young.ids.has(number) && !this.old.ids.has(number);
  }

  private age(): void {
    for (const [region, bornMillis] of this.old.newest) {
      const since = this.since.get(region);
      if (since !== undefined && since < bornMillis) this.since.set(region, bornMillis);
    }
    this.old = this.young;
    this.young = emptyGeneration();
  }
}

/** Every id is looked for. */
export function nothingKnown(): KnownMutations {
  return new KnownMutations(new Map(), 1);
}

function emptyGeneration(): Generation {
  return { ids: new Set(), newest: new Map() };
}

const digits = 7;
/** The last 28 of its random bits: another id with the same ones is looked for in vain, now and then. */
function numberOf(id: string): number {
  return Number.parseInt(id.slice(-digits), 16);
}
