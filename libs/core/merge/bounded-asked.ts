import type { DecisionStamp, Place } from './policy.js';
import type { CounterBounds, Rights, StartRights } from './rights.js';

/** A counter as it is where an operation is decided. */
export interface Counted {
  readonly rights: Rights;
  readonly start: StartRights;
  readonly bounds: CounterBounds;
  readonly leaseMillis: number | undefined;
}

/** What an operation is decided with. */
export interface Asked extends Counted {
  readonly place: Place;
  readonly stamp: DecisionStamp;
}
