import { AtollError } from '#core/errors.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { modeOf, type Consistency } from '#core/strong/type-moves.js';
import type { Clock } from '../ports/clock.js';
import type { StrongDesk } from '../strong/strong-desk.js';
import { acksAsked } from './before-routing.js';
import type { ForwardedOutcome } from './command-codec.js';
import type { Intake } from './intake.js';
import { partsOf, type PreparedCommand } from './prepared-command.js';
import type { CursorWatch } from './wake.js';

type Decide = (shard: number, command: PreparedCommand, deadlineMillis: number) => Promise<ForwardedOutcome>;

export interface ByModeParts {
  readonly types: EntityTypes;
  /** All configured regions. */
  readonly members: readonly string[];
  readonly clock: Clock;
  readonly watch: CursorWatch;
  readonly intake: Intake;
  readonly desk: Pick<StrongDesk, 'submit'>;
  /** In this process, for this region. */
  readonly decideHere: Decide;
}

/** With less time than this left, a command whose type is being moved is not tried again. */
const lastTryMillisMin = 10;
/** Between two looks whether a type has been moved, in milliseconds: every commit wakes it sooner. */
const lookAgainMillis = 50;

/**
 * Decides a command as its type is written in its shard at the moment: eventual ones here, strong ones at the home of the
 * shard. Only the owner of the shard knows which. While the type is being moved it waits.
 *
 * @throws AtollError type_moving when that is not over in time
 */
export async function decideByMode(
  parts: ByModeParts,
  shard: number,
  command: PreparedCommand,
  deadlineMillis: number,
): Promise<ForwardedOutcome> {
  const { clock, watch } = parts;
  for (let attempt = command; ; attempt = { ...command, isFirstTry: false }) {
    try {
      return await decideOnce(parts, shard, attempt, deadlineMillis);
    } catch (error) {
      const left = deadlineMillis - clock.monotonicMillis() - lastTryMillisMin;
      if (!(error instanceof AtollError) || error.code !== 'type_moving' || left <= 0) throw error;
      await watch.next(Math.min(left, lookAgainMillis));
    }
  }
}

async function decideOnce(
  parts: ByModeParts,
  shard: number,
  command: PreparedCommand,
  deadlineMillis: number,
): Promise<ForwardedOutcome> {
  const { desk, decideHere, members } = parts;
  const kinds = kindsOf(parts, shard, command);
  if (!kinds.has('strong')) return decideHere(shard, command, deadlineMillis);
  if (kinds.has('eventual'))
    throw new AtollError('not_one_partition', 'one of the types is eventual in this shard');
  const asked = { types: parts.types, members: members.length, isStrong: true };
  const { needed, isEarly } = acksAsked(command.acks, command, asked);
  const early = isEarly ? { isEarly } : {};
  return desk.submit(shard, { ...command, ...early, asksAcks: needed > 0 }, deadlineMillis);
}

const onlyEventual: ReadonlySet<Consistency> = new Set(['eventual']);
const onlyStrong: ReadonlySet<Consistency> = new Set(['strong']);

/** How the types of a command are written; eventual where one is not known. @throws AtollError owner_moved */
function kindsOf(
  { intake, types }: ByModeParts,
  shard: number,
  command: PreparedCommand,
): ReadonlySet<Consistency> {
  const state = intake.stateOf(shard);
  if (!state) throw new AtollError('owner_moved', 'this process does not own the shard');
  const kindOf = ({ entity }: PreparedCommand): Consistency => {
    const type = types.get(entity.type);
    return type ? modeOf(state.strong.moves, type).kind : 'eventual';
  };
  if (!command.also) return kindOf(command) === 'strong' ? onlyStrong : onlyEventual;
  return new Set(partsOf(command).map(kindOf));
}
