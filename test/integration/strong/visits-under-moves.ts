import { setTimeout as pause } from 'node:timers/promises';
import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';

export const movedType = 'basket';
const ids = Array.from({ length: 8 }, (_, number) => `b${number}`);
/** Of each client, in milliseconds. */
const pauseMillis = 40;
const triesMax = 6;

interface Visit {
  readonly id: string;
  /** When the first client was told that it counts; Infinity: nobody was. */
  acknowledged: number;
}

/**
 * Clients that count visits in all regions while their type is moved to and fro. A strong read, wherever it is answered, has
 * every visit that was acknowledged before it was asked, and none twice.
 */
export class VisitsUnderMoves {
  readonly visits: Visit[] = [];
  readonly wrong: string[] = [];
  strongReads = 0;
  private stopped = false;
  private clients: Promise<void>[] = [];

  constructor(
    private readonly regions: readonly string[],
    private readonly client: (region: string) => RegionClient,
  ) {}

  begin(): void {
    for (const [at, region] of [...this.regions, ...this.regions].entries())
      this.clients.push(this.each(at, (id) => this.visit(region, id)));
    for (const [at, region] of this.regions.entries())
      this.clients.push(this.each(at, (id) => this.look(region, id, 500)));
  }

  async end(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.clients);
  }

  get acknowledged(): number {
    return this.visits.filter(({ acknowledged }) => acknowledged !== Infinity).length;
  }

  /** By every region; all of it has been acknowledged or is unknown for good. @returns what is wrong */
  async finalCheck(): Promise<readonly string[]> {
    for (const region of this.regions)
      for (const id of ids)
        if (!(await this.look(region, id, 10_000))) this.wrong.push(`${id} could not be read in ${region}`);
    return this.wrong;
  }

  private async each(client: number, work: (id: string) => Promise<unknown>): Promise<void> {
    for (let step = 0; !this.stopped; step += 1) {
      await work(ids[(step * 3 + client) % ids.length]!);
      await pause(pauseMillis);
    }
  }

  /** One command, tried again with its id, in the next region, where nobody knows what became of it. */
  private async visit(from: string, id: string): Promise<void> {
    const visit: Visit = { id, acknowledged: Infinity };
    this.visits.push(visit);
    const mutationId = newMutationId(from);
    const operations = [{ field: 'visits', op: 'increment', by: 1 }];
    for (let tries = 0; tries < triesMax; tries += 1) {
      const region = this.regions[(this.regions.indexOf(from) + tries) % this.regions.length]!;
      const outcome = await this.client(region)
        .change({ type: movedType, id }, { operations }, { mutationId, maxWaitMillis: 1_500 })
        .catch(() => undefined);
      if (!outcome) continue;
      visit.acknowledged = performance.now();
      return;
    }
  }

  private async look(region: string, id: string, maxWaitMillis: number): Promise<boolean> {
    const asked = performance.now();
    const read = await this.client(region)
      .read({ type: movedType, id }, { consistency: 'strong', maxWaitMillis })
      .catch(() => undefined);
    if (!read) return false;
    this.strongReads += 1;
    const of = this.visits.filter((visit) => visit.id === id);
    const least = of.filter(({ acknowledged }) => acknowledged < asked).length;
    const shown = Number(read.value?.['visits'] ?? 0);
    if (shown < least || shown > of.length)
      this.wrong.push(`${region} showed ${shown} visits of ${id}, not ${least} to ${of.length}`);
    return true;
  }
}
