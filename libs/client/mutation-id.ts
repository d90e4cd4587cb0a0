import { v7 } from 'uuid';

/**
 * A new mutation id, `region.uuidv7`: where and when a command was born. Made once per command and sent with every try
 * of it, in any region, so that it counts once.
 */
export function newMutationId(region: string): string {
  return `${region}.${v7()}`;
}
