import { assert } from '#core/assert.js';
import type { Actor } from '#core/causality/dot.js';
import type { Connections } from './connections.js';
import type { Statement } from './statement.js';
import { textArray } from './binary-array.js';

const readActors: Statement = { name: 'atoll_actors', text: 'select no, name from atoll.actor' };

const internActors: Statement = {
  name: 'atoll_intern_actors',
  text: `
    insert into atoll.actor (name)
    select name from unnest($1::text[]) as wanted (name)
    where not exists (select from atoll.actor where actor.name = wanted.name)
    on conflict do nothing`,
};

/** Rows name actors by a small number. Numbers are given once and never change, so what is known stays known. */
export class Actors {
  private readonly connections: Connections;
  private readonly numbers = new Map<Actor, number>();

  constructor(connections: Connections) {
    this.connections = connections;
  }

  /** Gives numbers to those that have none yet: rare, in a transaction of its own, and harmless to repeat. */
  async know(actors: ReadonlySet<Actor>): Promise<void> {
    const missing = [...actors].filter((actor) => !this.numbers.has(actor));
    if (missing.length === 0) return;
    await this.connections.run(internActors, [textArray(missing)]);
    for (const [no, name] of await this.connections.run(readActors))
      this.numbers.set(String(name), Number(no));
  }

  /** The number of an actor that `know` was asked about before. */
  readonly numberOf = (actor: Actor): number => {
    const no = this.numbers.get(actor);
    assert(no !== undefined, 'an actor is interned before its number is used');
    return no;
  };
}
