import { covers } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { modeOf } from '#core/strong/type-moves.js';
import { storedVector, type ShardState } from '../accept/shard-state.js';

/**
 * Why a strong read of a type cannot be answered as the type is written by now; `undefined`: it can. Whoever knows of no
 * closing knows that the type is not strong: it opens once every region has closed. At the home all that it was opened on has
 * to be here: it may be the home only since then.
 */
export function whyNotStrong(
  state: ShardState,
  type: EntityType,
  { isHome }: { readonly isHome: boolean },
): AtollError | undefined {
  const { name } = type;
  const { kind, isClosing, upTo } = modeOf(state.strong.moves, type);
  if (isClosing) return new AtollError('type_moving', `${name} is being moved to strong`);
  if (kind === 'eventual')
    return new AtollError('level_not_available', `${name} is not strong in this shard`);
  if (isHome && !covers(storedVector(state), upTo))
    return new AtollError('type_moving', `events of ${name} from before it was moved have not all arrived`);
  return undefined;
}
