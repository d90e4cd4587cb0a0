import { AtollError, type ErrorCode } from '#core/errors.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Consistency } from '#core/strong/type-moves.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import { PeerUnavailable } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { ShardMode, TypeMove, TypeMoved, TypeStanding } from '../service.js';
import type { ModeAnswer, Question } from './messages.js';
import type { StrongService } from './strong-service.js';
import { assertMayBeStrong } from './type-mover.js';

export interface TypeOperatorsParts {
  readonly types: EntityTypes;
  readonly shards: number;
  readonly clock: Clock;
  readonly watch: CursorWatch;
  readonly telemetry: Telemetry;
  readonly service: Pick<StrongService, 'askHere'>;
}

/** Between two looks how far a move has come, or whether it can be begun by now, in milliseconds. */
const lookAgainMillis = 50;

/** Begins and ends moves of types in all shards, and tells how far they are (ADR 0011). */
export class TypeOperators {
  constructor(private readonly parts: TypeOperatorsParts) {}

  /** Of all declared types, as far as it is known in this region. */
  async standing(): Promise<readonly TypeStanding[]> {
    const { types } = this.parts;
    return Promise.all(
      [...types.values()].map(async ({ name, consistency }) => ({
        type: name,
        declared: consistency,
        shards: await this.modesOf(name),
      })),
    );
  }

  /**
   * Has every shard's home write the first record, then waits until the move is over everywhere, or for so long. What is
   * begun goes on by itself, whoever asked; asked again it finds what is there.
   *
   * @throws AtollError unknown_type, level_not_available, precondition_failed (the move that is to be aborted is over)
   */
  async move(
    { type: name, to, isAbort, dryRun }: TypeMove,
    { maxWaitMillis }: { readonly maxWaitMillis: number },
  ): Promise<TypeMoved> {
    const { types, clock, telemetry } = this.parts;
    const deadlineMillis = clock.monotonicMillis() + maxWaitMillis;
    const type = types.get(name);
    if (!type) throw new AtollError('unknown_type', `there is no entity type ${name}`);
    const before = await this.modesOf(name);
    if (isAbort && before.every(({ mode }) => mode === to))
      throw new AtollError('precondition_failed', `${name} is ${to} in all shards: move it back`);
    const goal = isAbort ? other(to) : to;
    if (goal === 'strong') assertMayBeStrong(type);
    const isDone = before.every(({ mode }) => mode === goal);
    if (dryRun) return { type: name, goal, isApplied: false, isDone, shards: before };
    telemetry.log('warn', 'a type is moved', { type: name, goal, isAbort });
    const failures = await Promise.all(
      before.map(({ shard }) =>
        this.begin({ kind: 'move', shard, type: name, to: goal, anywhere: true }, deadlineMillis),
      ),
    );
    const after = await this.untilAll(name, goal, deadlineMillis);
    const shards = after.map((one, shard) => {
      const failure = one.mode === goal ? undefined : failures[shard];
      return failure === undefined ? one : { ...one, failure };
    });
    return { type: name, goal, isApplied: true, isDone: shards.every(({ mode }) => mode === goal), shards };
  }

  /** Until the home has written it. @returns why it could not be begun in time */
  private async begin(
    question: Extract<Question, { readonly kind: 'move' }>,
    deadlineMillis: number,
  ): Promise<ErrorCode | undefined> {
    const { service, clock, watch } = this.parts;
    for (;;) {
      let code: ErrorCode = 'not_home';
      try {
        await service.askHere(question);
        return undefined;
      } catch (error) {
        if (error instanceof AtollError && !error.retryable) throw error;
        if (error instanceof AtollError) code = error.code;
        else if (!(error instanceof PeerUnavailable)) throw error;
      }
      const left = deadlineMillis - clock.monotonicMillis();
      if (left <= 0) return code;
      await watch.next(Math.min(left, lookAgainMillis));
    }
  }

  private async untilAll(
    name: string,
    goal: Consistency,
    deadlineMillis: number,
  ): Promise<readonly ShardMode[]> {
    const { clock, watch } = this.parts;
    for (;;) {
      const modes = await this.modesOf(name);
      const left = deadlineMillis - clock.monotonicMillis();
      if (left <= 0 || modes.every(({ mode }) => mode === goal)) return modes;
      await watch.next(Math.min(left, lookAgainMillis));
    }
  }

  private modesOf(type: string): Promise<readonly ShardMode[]> {
    const shards = Array.from({ length: this.parts.shards }, (_, shard) => shard);
    return Promise.all(shards.map((shard) => this.modeIn(shard, type)));
  }

  private async modeIn(shard: number, type: string): Promise<ShardMode> {
    const told = await this.ask({ kind: 'mode', shard, type });
    if (!told) return { shard, mode: 'unknown', phase: 0, closed: [] };
    return { shard, mode: told.mode, phase: told.phase, closed: told.closed };
  }

  private async ask(question: Question): Promise<ModeAnswer | undefined> {
    try {
      const answer = await this.parts.service.askHere(question);
      return answer.kind === 'mode' ? answer : undefined;
    } catch (error) {
      if (error instanceof AtollError || error instanceof PeerUnavailable) return undefined;
      throw error;
    }
  }
}

function other(consistency: Consistency): Consistency {
  return consistency === 'strong' ? 'eventual' : 'strong';
}
