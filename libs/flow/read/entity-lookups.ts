import type { EntityRef } from '#core/event/event.js';
import { isWellFormed } from '#core/event/text-limits.js';
import { LogUnavailable, ReadRefused, type EventLog } from '../ports/event-log.js';

interface Lookup {
  readonly entity: EntityRef;
  readonly resolve: (state: string | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Statements under way at once: the answers of one are made use of while the database works on the other. */
const statementsMax = 2;

/** One statement brings at most 4 MiB (INV-15): what is longer than its share is read by a statement of its own. */
const lookupsMax = 64;
const bytesMaxEach = 64 * 1024;

/**
 * States of entities that nobody has in memory. Whatever is looked for at the same time shares a statement: most of what
 * a statement costs, in the database and here, it costs once, however many rows it brings.
 *
 * Each look begins after it was asked for, and has an answer of its own: a row that cannot be read fails nobody else.
 */
export class EntityLookups {
  private waiting: Lookup[] = [];
  /** Those that share a statement with nobody. */
  private readonly single: Lookup[] = [];
  private underWay = 0;
  private isStarting = false;

  constructor(private readonly log: Pick<EventLog, 'states'>) {}

  /** As canonical JSON text; `undefined` of what was never written. @throws LogUnavailable */
  stateOf(entity: EntityRef): Promise<string | undefined> {
    // What cannot be stored was never written, and must not spoil a statement.
    if (!isWellFormed(entity.type) || !isWellFormed(entity.id)) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.waiting.push({ entity, resolve, reject });
      this.startSoon();
    });
  }

  /** Once all that is being asked for right now has been asked for. */
  private startSoon(): void {
    if (this.isStarting || this.underWay === statementsMax) return;
    this.isStarting = true;
    void Promise.resolve().then(() => {
      this.isStarting = false;
      this.start();
    });
  }

  private start(): void {
    while (this.underWay < statementsMax) {
      const some = this.takeSome();
      if (some.length === 0) return;
      this.underWay += 1;
      void this.look(some).finally(() => {
        this.underWay -= 1;
        this.start();
      });
    }
  }

  /** A fair share of those that wait: the database is to work on one part while another is answered. */
  private takeSome(): readonly Lookup[] {
    const alone = this.single.shift();
    if (alone) return [alone];
    const share = Math.ceil(this.waiting.length / (statementsMax - this.underWay));
    return this.waiting.splice(0, Math.min(share, lookupsMax));
  }

  private async look(some: readonly Lookup[]): Promise<void> {
    const isAlone = some.length === 1;
    try {
      const entities = some.map(({ entity }) => entity);
      const states = await this.log.states(entities, isAlone ? Infinity : bytesMaxEach);
      for (const [at, lookup] of some.entries()) {
        const state = states[at];
        if (state === null) this.single.push(lookup);
        else lookup.resolve(state);
      }
    } catch (error) {
      if (error instanceof ReadRefused && !isAlone) this.single.push(...some);
      else for (const { reject } of some) reject(asUnavailable(error));
    }
  }
}

function asUnavailable(error: unknown): unknown {
  return error instanceof ReadRefused ? new LogUnavailable(error.message, { cause: error }) : error;
}
