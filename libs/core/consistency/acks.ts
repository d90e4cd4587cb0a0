/** In how many other regions a write must be stored before it is acknowledged. */
export type Acks = 'local' | '1' | 'majority' | 'all';

export function parseAcks(text: string): Acks | undefined {
  return text === 'local' || text === '1' || text === 'majority' || text === 'all' ? text : undefined;
}

/** Regions that make a majority, the own one or the origin counted among them. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** How many regions besides the origin must have stored the write; `undefined` when there are not that many. */
export function othersNeeded(acks: Acks, members: number): number | undefined {
  switch (acks) {
    case 'local':
      return 0;
    case '1':
      return members > 1 ? 1 : undefined;
    case 'majority':
      return majorityOf(members) - 1;
    case 'all':
      return members - 1;
  }
}

/**
 * The regions whose word counts, each once: members only, and never the one that it is counted for (the origin of a write,
 * the reader of a quorum), which is in every majority already.
 */
export function countedRegions(
  said: Iterable<string>,
  { members, besides }: { readonly members: readonly string[]; readonly besides: string },
): readonly string[] {
  return [...new Set(said)].filter((region) => region !== besides && members.includes(region)).sort();
}

/**
 * How many other regions a strong write waits for besides being decided, which a majority stores. `isEarly`: it is answered
 * before it is decided. `undefined`: it may not ask for so little, or there are not that many.
 *
 * @param least what its type declares. Left out: a majority
 */
export function strongAcks(
  asked: Acks | undefined,
  least: Acks | undefined,
  members: number,
): { readonly needed: number; readonly isEarly: boolean } | undefined {
  const majority = majorityOf(members) - 1;
  const needed = asked === undefined ? majority : othersNeeded(asked, members);
  if (needed === undefined) return undefined;
  if (needed >= majority) return { needed: needed > majority ? needed : 0, isEarly: false };
  const floor = othersNeeded(least ?? 'majority', members) ?? majority;
  return needed < floor ? undefined : { needed, isEarly: true };
}
