import { assert } from '#core/assert.js';
import type { Level } from '#core/consistency/level.js';
import type { EntityRef } from '#core/event/event.js';
import type { Command, CommandPart } from '#flow/service.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import type { SeededRandom } from './seeded-random.js';
import { answerOf, runClients, submitAnywhere, type Known } from './sim-asking.js';
import { BrokenInvariant } from './sim-checks.js';
import { coinField as field, partitions } from './sim-group-checks.js';
import { vaultType } from './sim-types.js';
import type { SimWorld } from './sim-world.js';

interface Moved {
  readonly mutationId: string;
  readonly parts: number;
  outcome: Known;
}

/** Clients that move coins between entities with one partition key: nobody may ever see that some are missing. */
export class GroupClients {
  readonly journal: Moved[] = [];
  reads = 0;

  constructor(
    private readonly world: SimWorld,
    private readonly random: SeededRandom,
  ) {}

  run(clients: number, operations: number): Promise<void> {
    const { world, random } = this;
    const plan = { clients, steps: operations, pauseMillisMax: 200 };
    return runClients({ world, random, name: 'groups' }, plan, async (own) => {
      const entities = partitions[own.chance(0.75) ? 0 : 1] ?? [];
      if (own.chance(0.3)) await this.look(own, entities);
      else await this.move(own, entities);
    });
  }

  private async look(random: SeededRandom, entities: readonly EntityRef[]): Promise<void> {
    const region = random.pick(this.world.regions);
    const service = this.world.anyProcess(region)?.service;
    const known = entities.filter(({ type }) => type !== vaultType || region === this.world.upgradedRegion);
    if (!service || known.length < entities.length) return;
    const level: Level = { kind: random.chance(0.7) ? 'eventual' : 'strong' };
    const read = await answerOf(this.world, service.readMany(known, { level, maxWaitMillis: 1_500 }));
    if (!read) return;
    this.reads += 1;
    const sum = read.reduce((total, { value }) => total + Number(value?.[field] ?? 0), 0);
    if (sum !== 0) throw new BrokenInvariant(`INV-11: ${region} shows half of a change: the sum is ${sum}`);
  }

  private async move(random: SeededRandom, entities: readonly EntityRef[]): Promise<void> {
    const region = random.pick(this.world.regions);
    const [from, to, more] = turned(entities, random.between(0, 2));
    assert(from !== undefined && to !== undefined && more !== undefined, 'there are three to move between');
    const by = random.between(1, 9);
    const parts = random.chance(0.7)
      ? [add(from, -by), add(to, by)]
      : [add(from, -2 * by), add(to, by), add(more, by)];
    const [first = add(from, 0), ...also] = parts;
    const command: Command = { ...first, also, mutationId: this.world.mutationId(region) };
    const moved: Moved = { mutationId: command.mutationId ?? '', parts: parts.length, outcome: 'unknown' };
    this.journal.push(moved);
    const { world } = this;
    moved.outcome = await submitAnywhere({ world, random, name: 'groups' }, region, command);
  }

  /** All of a change counts in every region, or nothing of it; all of it where it was acknowledged. */
  check(databases: readonly MemoryDatabase[]): void {
    for (const { identity, mutations } of databases) {
      for (const { mutationId, parts, outcome } of this.journal) {
        const count = mutations.get(mutationId)?.size ?? 0;
        const isRight =
          outcome === 'unknown' ? count === 0 || count === parts : count === (outcome === 'ok' ? parts : 0);
        if (!isRight)
          throw new BrokenInvariant(
            `INV-11: ${identity.region} counts ${count} of ${parts} parts of ${mutationId}, which was ${outcome}`,
          );
      }
    }
  }
}

function turned<T>(items: readonly T[], by: number): readonly T[] {
  return [...items.slice(by), ...items.slice(0, by)];
}

function add(entity: EntityRef, by: number): CommandPart {
  return { entity, kind: 'update', operations: [{ field, op: 'increment', by }] };
}
