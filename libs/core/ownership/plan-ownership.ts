/** A shard's row as a process of the region reads it. */
export interface ShardClaim {
  readonly shard: number;
  /** Process id; '' when nobody has ever owned it. */
  readonly owner: string;
  /** By the database's clock; at or below 0 the lease has lapsed. */
  readonly leaseRemainingMillis: number;
}

export interface OwnershipPlan {
  /** Shards to take over now: their lease has lapsed, and this process has less than its share. */
  readonly take: readonly number[];
  /** Shards to give up: this process holds more than its share while another, live one holds less. */
  readonly release: readonly number[];
}

/**
 * Decides which shards a process should own, from what all of them can read. Shards are spread evenly over the live
 * processes; nobody takes a shard whose lease runs (PROTOCOL §1), so two processes that plan at once cannot both win.
 */
export function planOwnership(input: {
  readonly self: string;
  readonly liveProcesses: readonly string[];
  readonly claims: readonly ShardClaim[];
}): OwnershipPlan {
  const live = new Set([...input.liveProcesses, input.self]);
  const owned = (process: string): readonly number[] =>
    input.claims
      .filter((claim) => claim.owner === process && claim.leaseRemainingMillis > 0)
      .map(({ shard }) => shard);
  const share = Math.ceil(input.claims.length / live.size);
  const mine = owned(input.self);
  const free = input.claims.filter((claim) => claim.leaseRemainingMillis <= 0).map(({ shard }) => shard);
  const take = free.slice(0, Math.max(0, share - mine.length));

  const lowest = Math.floor(input.claims.length / live.size);
  let needed = 0;
  for (const process of live) {
    if (process !== input.self) needed += Math.max(0, lowest - owned(process).length);
  }
  const surplus = Math.min(Math.max(0, mine.length - lowest), Math.max(0, needed - free.length));
  return { take, release: mine.slice(mine.length - surplus) };
}
