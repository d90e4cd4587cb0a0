import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef } from '#core/event/event.js';
import type { JsonObject } from '#core/json.js';
import type { EntityType } from '#core/merge/entity-type.js';
import type { ReadOutcome } from '../service.js';
import { sessionAfter, type ReadState } from './read-state.js';
import type { Sessions } from './sessions.js';
import type { Staleness } from './staleness.js';

/** What a client is shown of what was found. */
export interface Shown {
  readonly value: JsonObject | undefined;
  readonly openConflicts: readonly string[];
}

export interface AnswerParts {
  readonly sessions: Sessions;
  readonly staleness: Staleness;
}

/** What a read found. Its token is signed when it is asked for: of many reads in one request only one is. */
export class ReadAnswer implements ReadOutcome {
  readonly entity: EntityRef;
  readonly value: JsonObject | undefined;
  readonly seen: VersionVector;
  readonly openConflicts: readonly string[];
  readonly quarantined: boolean;
  stalenessMillis: number | null;
  private issued: string | undefined;

  constructor(
    private readonly read: ReadState,
    { value, openConflicts }: Shown,
    private readonly parts: AnswerParts,
  ) {
    this.entity = read.entity;
    this.value = value;
    this.seen = read.state.seen;
    this.openConflicts = openConflicts;
    this.quarantined = read.quarantined;
    this.stalenessMillis = parts.staleness.age(read.sinceMillis);
  }

  get session(): string {
    return (this.issued ??= this.parts.sessions.issue(sessionAfter(this.read)));
  }

  /** It is answered now, whenever it was read. */
  tellAge(): void {
    this.stalenessMillis = this.parts.staleness.age(this.read.sinceMillis);
  }
}

/** Whether a multi-value field shows siblings: only then may a person have something to decide. */
export function hasSiblings(type: EntityType, value: JsonObject): boolean {
  for (const [name, { policy }] of type.fields) {
    if (!policy.replacesObserved) continue;
    const shown = value[name];
    if (typeof shown === 'object' && shown !== null && 'siblings' in shown) return true;
  }
  return false;
}
