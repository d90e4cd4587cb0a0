import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef } from '#core/event/event.js';
import { parseJson } from '#core/parse-json.js';
import type { Command } from '#flow/service.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { isLinearizable, type RegisterOperation } from './linearizable.js';
import type { SeededRandom } from './seeded-random.js';
import { answerOf, runClients, submitAnywhere, submitOnce } from './sim-asking.js';
import { BrokenInvariant } from './sim-checks.js';
import type { SimWorld } from './sim-world.js';

const strongType = 'seat';
const field = 'owner';
const seats: readonly EntityRef[] = ['s0', 's1', 's2', 's3'].map((id) => ({ type: strongType, id }));

interface Told extends RegisterOperation {
  readonly entity: EntityRef;
  readonly mutationId?: string;
}

/** Clients of strong entities: they write, compare and set, read, retry anywhere, and note what they were told and when. */
export class StrongClients {
  readonly history: Told[] = [];
  private readonly read = new Map<
    string,
    { readonly value: string | undefined; readonly seen: VersionVector }
  >();

  constructor(
    private readonly world: SimWorld,
    private readonly random: SeededRandom,
  ) {}

  run(clients: number, operations: number): Promise<void> {
    const { world, random } = this;
    const plan = { clients, steps: operations, pauseMillisMax: 160 };
    return runClients({ world, random, name: 'strong' }, plan, async (own, client, step) => {
      const entity = own.pick(seats);
      if (own.chance(0.4)) await this.look(client, own, entity);
      else await this.write(client, own, entity, `${client}.${step}`);
    });
  }

  private async look(client: number, random: SeededRandom, entity: EntityRef): Promise<void> {
    const region = random.pick(this.world.regions);
    const service = this.world.anyProcess(region)?.service;
    if (!service) return;
    const invoked = this.now;
    const work = service.read(entity, { level: { kind: 'strong' }, maxWaitMillis: 1_500 });
    const read = await answerOf(this.world, work);
    if (!read) return;
    const value = read.value?.[field] as string | null | undefined;
    const known = { value: value ?? undefined, seen: read.seen };
    this.read.set(`${client} ${entity.id}`, known);
    this.history.push({ kind: 'read', entity, value: known.value, invoked, completed: this.now });
  }

  private async write(client: number, random: SeededRandom, entity: EntityRef, value: string): Promise<void> {
    const known = random.chance(0.4) ? this.read.get(`${client} ${entity.id}`) : undefined;
    const region = random.pick(this.world.regions);
    const mutationId = this.world.mutationId(region);
    const command: Command = {
      entity,
      kind: 'update',
      operations: [{ field, op: 'set', value }],
      mutationId,
      ...(known && { ifMatch: known.seen }),
    };
    const invoked = this.now;
    const told = {
      entity,
      value,
      invoked,
      mutationId,
      kind: known ? ('cas' as const) : ('write' as const),
      ...(known && { expected: known.value }),
    };
    const asker = { world: this.world, random, name: 'strong' };
    const outcome = await submitAnywhere(asker, region, command);
    if (outcome === 'refused') return;
    this.history.push({ ...told, completed: outcome === 'ok' ? this.now : Infinity });
    // A proxy that was too eager sends it once more.
    if (outcome === 'ok' && random.chance(0.1))
      await submitOnce(asker, random.pick(this.world.regions), command);
  }

  /** Nothing acknowledged is lost anywhere, and each seat's history has an order that explains it. */
  check(databases: readonly MemoryDatabase[]): void {
    for (const { kind, mutationId = '', completed } of this.history) {
      if (kind === 'read' || completed === Infinity) continue;
      for (const { identity, mutations } of databases) {
        const copies = mutations.get(mutationId)?.size ?? 0;
        if (copies !== 1)
          throw new BrokenInvariant(`INV-11: ${identity.region} counts ${copies} of strong ${mutationId}`);
      }
    }
    for (const entity of seats) {
      const finals = databases.map((database) => valueIn(database, entity));
      if (new Set(finals).size > 1)
        throw new BrokenInvariant(`INV-4: ${entity.id} differs: ${finals.join()}`);
      const end: RegisterOperation = {
        kind: 'read',
        value: finals[0],
        invoked: this.now,
        completed: this.now + 1,
      };
      const history = this.history.filter((told) => told.entity.id === entity.id);
      if (!isLinearizable([...history, end]))
        throw new BrokenInvariant(
          `INV-11: the history of ${entity.id} has no order: ${JSON.stringify(history)}`,
        );
    }
  }

  private get now(): number {
    return this.world.clock.monotonicMillis();
  }
}

function valueIn(database: MemoryDatabase, entity: EntityRef): string | undefined {
  const row = [...database.entities.values()].find(
    ({ entity: of }) => of.type === entity.type && of.id === entity.id,
  );
  if (!row?.value) return undefined;
  const value = parseJson(row.value) as Record<string, string | null>;
  return value[field] ?? undefined;
}
