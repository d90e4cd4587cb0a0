import type { DevStack } from '#io/devstack/stack.js';
import type { LinkControls } from '#io/faults/region-link.js';
import { usage } from '../terminal/exit.js';

/** One of the links that join two regions, and which of its directions is meant. */
export interface Way {
  readonly control: LinkControls;
  readonly direction: 'both' | 'from-to' | 'to-from';
}

/**
 * The ways from one region to another, or between both. Both regions open connections to each other, so two links join
 * them, and each carries requests one way and answers the other: what `from` sends is the requests on its own link and
 * the answers on the other's.
 *
 * @throws CommandFailed (usage) when these are not two regions of the stack
 */
export function waysBetween(
  stack: DevStack,
  from: string,
  to: string,
  { oneWay = false }: { readonly oneWay?: boolean } = {},
): readonly Way[] {
  const known = stack.regions.map(({ region }) => region);
  const unknown = [from, to].find((region) => !known.includes(region));
  if (unknown !== undefined) throw usage(`there is no region ${unknown}, only ${known.join(', ')}`);
  if (from === to) throw usage(`a link joins two regions, and ${from} is one: name another as well`);
  return [
    { control: stack.link(from, to), direction: oneWay ? 'from-to' : 'both' },
    { control: stack.link(to, from), direction: oneWay ? 'to-from' : 'both' },
  ];
}

/** Every ordered pair of regions. */
export function pairsOf({ regions }: DevStack): readonly (readonly [string, string])[] {
  const names = regions.map(({ region }) => region);
  return names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
}

export async function cutBetween(stack: DevStack, from: string, to: string, oneWay = false): Promise<void> {
  for (const { control, direction } of waysBetween(stack, from, to, { oneWay })) await control.cut(direction);
}

export async function healBetween(stack: DevStack, from: string, to: string): Promise<void> {
  for (const { control } of waysBetween(stack, from, to)) await control.heal();
}

export async function cutAll(stack: DevStack): Promise<void> {
  for (const [from, to] of pairsOf(stack)) await stack.link(from, to).cut();
}

export async function healAll(stack: DevStack): Promise<void> {
  for (const [from, to] of pairsOf(stack)) await stack.link(from, to).heal();
}

/** The pairs of regions with the longest and with the shortest way between them, there and back. */
export async function rankedPairs(
  stack: DevStack,
): Promise<{ readonly longest: readonly [string, string]; readonly shortest: readonly [string, string] }> {
  const ranked = await Promise.all(
    pairsOf(stack)
      .filter(([from, to]) => from < to)
      .map(async (pair) => {
        const { delayMillis } = await stack.link(...pair).status();
        return { pair, millis: delayMillis['from-to'].oneWayMillis + delayMillis['to-from'].oneWayMillis };
      }),
  );
  const sorted = ranked.toSorted((a, b) => a.millis - b.millis);
  const [shortest, longest] = [sorted[0], sorted.at(-1)];
  if (shortest === undefined || longest === undefined) throw new Error('two regions are needed for a link');
  return { shortest: shortest.pair, longest: longest.pair };
}
