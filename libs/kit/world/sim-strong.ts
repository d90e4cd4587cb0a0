import { assert } from '#core/assert.js';
import { dotKey } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { Command } from '#flow/service.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { isLinearizable, type RegisterOperation } from './linearizable.js';
import type { SeededRandom } from './seeded-random.js';
import { BrokenInvariant } from './sim-checks.js';
import type { SimWorld } from './sim-world.js';

const strongType = 'seat';
const field = 'owner';
const seats: readonly EntityRef[] = ['s0', 's1', 's2', 's3'].map((id) => ({ type: strongType, id }));

const patienceMillis = 3_000;
const triesMax = 4;

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

  async run(clients: number, operations: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, (_, client) => this.runClient(client, operations)));
  }

  private async runClient(client: number, operations: number): Promise<void> {
    const random = this.random.branch(`strong ${client}`);
    for (let step = 0; step < operations; step += 1) {
      await this.world.pause(random.between(10, 160));
      const entity = random.pick(seats);
      if (random.chance(0.4)) await this.look(client, random, entity);
      else await this.write(client, random, entity, `${client}.${step}`);
    }
  }

  private async look(client: number, random: SeededRandom, entity: EntityRef): Promise<void> {
    const region = random.pick(this.world.regions);
    const service = this.world.anyProcess(region)?.service;
    if (!service) return;
    const invoked = this.now;
    try {
      const work = service.read(entity, { level: { kind: 'strong' }, maxWaitMillis: 1_500 });
      const read = await this.world.within(work, patienceMillis);
      if (!read) return;
      const value = read.value?.[field] as string | null | undefined;
      const known = { value: value ?? undefined, seen: read.seen };
      this.read.set(`${client} ${entity.id}`, known);
      this.history.push({ kind: 'read', entity, value: known.value, invoked, completed: this.now });
    } catch (error) {
      assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
    }
  }

  private async write(client: number, random: SeededRandom, entity: EntityRef, value: string): Promise<void> {
    const known = random.chance(0.4) ? this.read.get(`${client} ${entity.id}`) : undefined;
    let region = random.pick(this.world.regions);
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
    let isKnown = true;
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const outcome = await this.attempt(region, command);
      if (outcome === 'ok') {
        this.history.push({ ...told, completed: this.now });
        // A proxy that was too eager sends it once more.
        if (random.chance(0.1)) await this.attempt(random.pick(this.world.regions), command);
        return;
      }
      if (outcome === 'refused' && isKnown) return;
      isKnown = false;
      if (outcome === 'refused') break;
      await this.world.pause(random.between(20, 200));
      region = random.pick(this.world.regions);
    }
    this.history.push({ ...told, completed: Infinity });
  }

  private async attempt(region: string, command: Command): Promise<'ok' | 'refused' | 'unknown'> {
    const service = this.world.anyProcess(region)?.service;
    if (!service) return 'unknown';
    try {
      const work = service.submit(command, { maxWaitMillis: 2_000 });
      const outcome = await this.world.within(work, patienceMillis);
      if (!outcome) return 'unknown';
      this.world.note(`strong ok ${region} ${outcome.mutationId} ${dotKey(outcome.dot)}`);
      return 'ok';
    } catch (error) {
      assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
      this.world.note(`strong refused ${command.mutationId ?? ''} ${error.code}`);
      return error.retryable ? 'unknown' : 'refused';
    }
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
  const value = JSON.parse(row.value) as Record<string, string | null>;
  return value[field] ?? undefined;
}
