import type { EntityRef } from '#client/wire.js';
import type { Draw } from '../bench/load/seeded.js';

/** What an entity is used as. */
export type SubjectKind = 'note' | 'pair' | 'tags' | 'tally' | 'stock' | 'duo';

/** An entity that is in use for a while. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly entity: EntityRef;
  /** Operations begun. */
  begun: number;
  underWay: number;
  retired: boolean;
}

export interface SubjectLimits {
  /** Entities of each kind that are in use at a time. */
  readonly live: number;
  /** Then an entity makes place for a new one. */
  readonly operationsMax: number;
  /** At once on one entity: no more than so many can end unknown, for the first unknown one retires it. */
  readonly underWayMax: number;
}

/** The entities of a run: few at a time, so that clients meet, and each for a while only, so that it can be judged. */
export class Subjects {
  readonly #live: Subject[];
  #made = 0;

  constructor(
    private readonly kinds: readonly SubjectKind[],
    private readonly run: string,
    private readonly limits: SubjectLimits,
    private readonly draw: Draw,
  ) {
    this.#live = kinds.flatMap((kind) => Array.from({ length: limits.live }, () => this.#make(kind)));
  }

  /** One to work on; it must be given back. */
  take(): Subject {
    const at = Math.floor(this.draw() * this.#live.length);
    const tried = [...this.#live.slice(at), ...this.#live.slice(0, at)];
    const free = tried.find(({ underWay, retired }) => !retired && underWay < this.limits.underWayMax);
    const subject = free ?? this.#addOne();
    subject.begun += 1;
    subject.underWay += 1;
    if (subject.begun >= this.limits.operationsMax) this.#retire(subject);
    return subject;
  }

  giveBack(subject: Subject, wasUnknown: boolean): void {
    subject.underWay -= 1;
    if (wasUnknown) this.#retire(subject);
  }

  #addOne(): Subject {
    const subject = this.#make(this.kinds[Math.floor(this.draw() * this.kinds.length)] ?? 'note');
    this.#live.push(subject);
    return subject;
  }

  #retire(subject: Subject): void {
    if (subject.retired) return;
    subject.retired = true;
    const at = this.#live.indexOf(subject);
    const ofKind = this.#live.filter(({ kind }) => kind === subject.kind).length;
    if (ofKind > this.limits.live) this.#live.splice(at, 1);
    else this.#live[at] = this.#make(subject.kind);
  }

  #make(kind: SubjectKind): Subject {
    this.#made += 1;
    const entity = { type: kind, id: `${this.run}-${this.#made}` };
    return { kind, entity, begun: 0, underWay: 0, retired: false };
  }
}
