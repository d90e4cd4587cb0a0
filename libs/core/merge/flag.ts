import { unknownOperation, wrongArguments } from './operation.js';
import type { MergePolicy, Stamped } from './policy.js';
import {
  addWins,
  removeWins,
  type AddWins,
  type PresenceMove,
  type PresenceRule,
  type RemoveWins,
} from './presence.js';

export type FlagChange = 'enable' | 'disable';

/** The presence of the one thing that is there while the flag is on. */
export type Flag = AddWins | RemoveWins;

export interface FlagOptions {
  /** Who wins of an enable and a disable that had not heard of each other. */
  readonly concurrent: 'enable-wins' | 'disable-wins';
}

/**
 * A flag, off until it is enabled: an observed-remove set (add-wins or remove-wins) of one element.
 *
 * Source: the enable-wins and disable-wins flags of riak_dt and Antidote; see `addWinsSet` and `removeWinsSet`.
 */
export function flag({ concurrent }: FlagOptions): MergePolicy<Flag, FlagChange> {
  return concurrent === 'enable-wins' ? flagOf(concurrent, addWins) : flagOf(concurrent, removeWins);
}

function flagOf<Presence>(
  concurrent: FlagOptions['concurrent'],
  rule: PresenceRule<Presence>,
): MergePolicy<Presence, FlagChange> {
  return {
    name: 'flag',
    version: 1,
    description: { name: 'flag', version: 1, concurrent },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => rule.absent,
    decide(_state, operation) {
      const { op } = operation;
      if (op !== 'enable' && op !== 'disable')
        return unknownOperation('flag', operation, ['enable', 'disable']);
      return wrongArguments(operation, []) ?? { kind: 'accepted', change: op };
    },
    readChange: (json) => (json === 'enable' || json === 'disable' ? json : undefined),
    writeChange: (change) => change,

    apply: (state, stamped) => rule.move(state, moved(stamped)),
    take: (state, taken) => rule.take(state, taken),
    fold: (log) => rule.fold(log.map(moved)),
    reach: (change) => ({ place: [], takes: change === 'disable' ? rule.takes : 'nothing' }),

    conflicts: (a, b) => a !== b,
    conflictKey: () => '',

    value: (state) => rule.isPresent(state),
    shows: (state, change) => rule.isPresent(state) === (change === 'enable'),
    encode: (state) => rule.encode(state),
    decode: (json) => rule.decode(json),
  };
}

function moved(stamped: Stamped<FlagChange>): Stamped<PresenceMove> {
  return { ...stamped, change: stamped.change === 'enable' ? 'add' : 'remove' };
}
