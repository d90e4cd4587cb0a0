import { setTimeout as pause } from 'node:timers/promises';
import type { Json, JsonObject } from '#client/wire.js';
import { paceOf } from '#cli/load/progress.js';
import { startClient, type Asked, type SequentialClient, type Wanted } from '#cli/load/sequential-client.js';
import { wasDenied, type Workload } from '#cli/load/workload.js';
import type { Outcome } from '#cli/judge/history-line.js';
import { seeded, type Draw } from '../bench/load/seeded.js';
import { Subjects, type Subject, type SubjectKind, type SubjectLimits } from './subjects.js';

export interface HistoryLoadOptions {
  readonly workload: Workload;
  readonly regions: readonly string[];
  readonly run: string;
  readonly seed: number;
  readonly clients: number;
  /** Done operations, refusals not counted, after which clients stop. */
  readonly operations: number;
  readonly perSecond: number;
  readonly millisMax: number;
  /** Progress is made at least as fast as if the run took so long, however few operations are done. */
  readonly paceMillis: number;
  readonly kinds: readonly SubjectKind[];
  readonly limits: SubjectLimits;
  readonly asked: (client: number) => Asked;
  /** Registers are also compared and set. */
  readonly swaps: boolean;
}

export interface HistoryLoad {
  /** Share of the operations that are done, or of the time that they should take, if that is more; from 0. */
  progress(): number;
  /** Resolves when all clients have stopped. */
  readonly ended: Promise<void>;
}

/** Starts sequential clients in all regions; most of what they do is in their own region, some of it elsewhere. */
export function startHistoryLoad(options: HistoryLoadOptions): HistoryLoad {
  const { clients, seed, operations, millisMax, paceMillis, kinds, run, limits, perSecond } = options;
  const begun = performance.now();
  const counts = { done: 0 };
  const subjects = new Subjects(kinds, run, limits, seeded(seed));
  const pace = paceOf(perSecond);
  const isOver = (): boolean => counts.done >= operations || performance.now() - begun > millisMax;
  const loop = async (index: number): Promise<void> => {
    const client = new HistoryClient(options, index);
    while (!isOver()) {
      await pace.take(1);
      const subject = subjects.take();
      const outcome = await client.act(subject);
      subjects.giveBack(subject, outcome === 'unknown');
      if (outcome === 'fail') await pause(20 + client.draw() * 80);
      else counts.done += 1;
    }
  };
  return {
    progress: () => Math.max(counts.done / operations, (performance.now() - begun) / paceMillis),
    ended: Promise.all(Array.from({ length: clients }, (_, index) => loop(index))).then(() => undefined),
  };
}

/** Shares of operations: a client reads about as often as it writes. */
const readShare = 0.5;
const removeShare = 0.3;
const awayShare = 0.15;
const refillShare = 0.04;
const stockFirst = 40;

class HistoryClient {
  readonly draw: Draw;
  readonly #client: SequentialClient;
  #home: number;
  #written = 0;
  /** Elements of sets that the last read showed, by entity. */
  readonly #shown = new Map<string, readonly Json[]>();

  constructor(
    private readonly options: HistoryLoadOptions,
    private readonly index: number,
  ) {
    this.draw = seeded(options.seed * 1_000 + index);
    this.#client = startClient(options.workload, options.asked(index));
    this.#home = index % options.regions.length;
  }

  /** One operation, or a read and the compare-and-set that follows from it. */
  async act(subject: Subject): Promise<Outcome> {
    const region = this.#regionNow();
    const outcome = await this.#actIn(region, subject);
    // Whoever is not served goes elsewhere.
    if (outcome !== 'ok') this.#home = (this.#home + 1) % this.options.regions.length;
    return outcome;
  }

  #regionNow(): string {
    const { regions } = this.options;
    const away = this.draw() < awayShare ? Math.floor(this.draw() * regions.length) : 0;
    return regions[(this.#home + away) % regions.length] ?? '';
  }

  async #actIn(region: string, subject: Subject): Promise<Outcome> {
    if (this.draw() < readShare) return this.#read(region, subject);
    switch (subject.kind) {
      case 'note':
        return this.options.swaps && this.draw() < 0.5
          ? this.#swap(region, subject)
          : this.#write(region, subject, [{ field: 'text', op: 'set', value: this.#unique() }]);
      case 'pair': {
        const value = this.#unique();
        return this.#write(region, subject, [
          { field: 'left', op: 'set', value: `${value}-l` },
          { field: 'right', op: 'set', value: `${value}-r` },
        ]);
      }
      case 'duo':
        return this.#writeBoth(region, subject);
      case 'tags':
        return this.#changeSet(region, subject);
      case 'tally':
        return this.#write(region, subject, [{ field: 'count', op: 'increment', by: this.#amount() }]);
      case 'stock':
        return this.#trade(region, subject);
    }
  }

  async #read(region: string, { kind, entity }: Subject): Promise<Outcome> {
    if (kind === 'duo') {
      const ids = idsOfDuo(entity);
      return (await this.#client.lookTogether(region, entity.type, ids, valueOf('text', plain))).outcome;
    }
    const { line } = await this.#client.look(region, entity, wantedOf[kind]);
    if (kind === 'tags' && Array.isArray(line.output))
      this.#shown.set(entity.id, line.output as readonly Json[]);
    return line.outcome;
  }

  async #writeBoth(region: string, { entity }: Subject): Promise<Outcome> {
    const value = this.#unique();
    const changes = idsOfDuo(entity).map((id) => ({
      entity: { ...entity, id },
      operations: [{ field: 'text', op: 'set', value: `${value}-${id.at(-1) ?? ''}` }],
    }));
    const { line } = await this.#client.changeTogether(region, changes, this.#others(region));
    return line.outcome;
  }

  async #swap(region: string, { entity }: Subject): Promise<Outcome> {
    const { line, answer } = await this.#client.look(region, entity, wantedOf.note);
    if (answer === undefined) return line.outcome;
    const { version } = answer;
    const wanted = { entity, field: 'text', expected: line.output, value: this.#unique(), version };
    const { line: swapped, end } = await this.#client.swap(region, wanted, this.#others(region));
    return wasDenied(end) ? 'ok' : swapped.outcome;
  }

  #changeSet(region: string, subject: Subject): Promise<Outcome> {
    const known = this.#shown.get(subject.entity.id) ?? [];
    const [element] = known;
    if (element !== undefined && this.draw() < removeShare) {
      this.#shown.set(subject.entity.id, known.slice(1));
      return this.#write(region, subject, [{ field: 'all', op: 'remove', element }]);
    }
    return this.#write(region, subject, [{ field: 'all', op: 'add', element: this.#unique() }]);
  }

  /** A stock is filled once at first and a little later on; else it is sold. */
  async #trade(region: string, subject: Subject): Promise<Outcome> {
    const fills = subject.begun === 1 || this.draw() < refillShare;
    const by = subject.begun === 1 ? stockFirst : this.#amount();
    const operation = { field: 'units', op: fills ? 'increment' : 'spend', by };
    const { line, end } = await this.#client.change(region, {
      entity: subject.entity,
      operations: [operation],
    });
    return wasDenied(end) ? 'ok' : line.outcome;
  }

  async #write(
    region: string,
    { entity }: Subject,
    operations: readonly { readonly field: string; readonly op: string; readonly [argument: string]: Json }[],
  ): Promise<Outcome> {
    const { line } = await this.#client.change(region, { entity, operations }, this.#others(region));
    return line.outcome;
  }

  #others(region: string): readonly string[] {
    return this.options.regions.filter((other) => other !== region);
  }

  #unique(): string {
    this.#written += 1;
    return `${this.index}.${this.#written}`;
  }

  #amount(): number {
    return 1 + Math.floor(this.draw() * 3);
  }
}

/** Two entities of one partition. */
function idsOfDuo({ id }: Subject['entity']): readonly string[] {
  return [`${id}:l`, `${id}:r`];
}

const valueOf = (field: string, shape: (value: Json) => Json): Wanted => ({
  field,
  take: (value) => shape((value as JsonObject | null)?.[field] ?? null),
});
const plain = (value: Json): Json => value;
const asText = (value: Json): Json => String(value ?? 0);

/** What a read of each kind of entity looks at. A set is read as a sorted list, a counter as text. */
const wantedOf: Readonly<Record<Exclude<SubjectKind, 'duo'>, readonly Wanted[]>> = {
  note: [valueOf('text', plain)],
  pair: [valueOf('left', plain), valueOf('right', plain)],
  tags: [valueOf('all', (value) => value ?? [])],
  tally: [valueOf('count', asText)],
  stock: [valueOf('units', (value) => asText((value as JsonObject | null)?.['value'] ?? null))],
};
