import { regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { missingDependency, type Dependency } from '#core/consistency/dependencies.js';
import { readiness, type Readiness } from '#core/event/readiness.js';
import type { Event } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { TypeMoves } from '#core/strong/type-moves.js';
import type { BatchWaiting } from './batch-waiting.js';
import type { BatchWorld } from './batch-world.js';
import type { Cursor } from './shard-state.js';

export interface BatchJudgeParts {
  readonly shard: number;
  readonly world: BatchWorld;
  readonly waiting: BatchWaiting;
  readonly cursor: (actor: Actor) => Cursor;
  /** Dots of the other events of the event's command. */
  readonly copies: (event: Event) => readonly Dot[];
  /** Of the event's entity, as the batch has it. */
  readonly seen: (event: Event) => VersionVector;
  /** How the shard's types were moved, as the batch has it. */
  readonly moves: () => TypeMoves;
}

const noDots: readonly Dot[] = [];

/** Whether an event may be folded on what a batch has by now, waits, or has to be parked. */
export class BatchJudge {
  constructor(private readonly parts: BatchJudgeParts) {}

  /** @throws Missing */
  readinessOf(event: Event, quarantined: boolean): Readiness {
    const { world, copies, seen, moves } = this.parts;
    // It is looked at again once they were compared; nothing else makes it ready (PROTOCOL §12).
    if (!world.isCompared(event.dot.actor)) return { kind: 'pending', waitsFor: event.dot };
    return readiness({
      type: world.types.get(event.entity.type),
      event,
      seen: seen(event),
      quarantined,
      ownActor: world.ownActor,
      nowMillis: world.nowMillis,
      copies: copies(event),
      dependencyMissing: this.missingDependency(event),
      shards: world.shards,
      waiting: this.dotsBeside(event),
      moves: moves(),
      policyMismatch: world.isRefused(regionOf(event.dot.actor), event.entity.type),
    });
  }

  /** Of the entity's other eventual events that are stored and not folded. */
  private dotsBeside({ epoch, entity }: Event): readonly Dot[] {
    const { waiting } = this.parts;
    if (epoch !== undefined || waiting.isEmpty) return noDots;
    return waiting.rows(entityKey(entity)).map(({ dot }) => dot);
  }

  private missingDependency({ dependencies }: Event): Dependency | undefined {
    const { shard: own, world, waiting, cursor } = this.parts;
    return missingDependency(dependencies, (shard) => {
      if (shard !== own) return world.causal(shard);
      const have = new Map<Actor, number>();
      for (const actor of dependencies?.get(shard)?.keys() ?? [])
        have.set(actor, Math.min(cursor(actor).stored, waiting.lowestPending(actor) - 1));
      return have;
    });
  }
}
