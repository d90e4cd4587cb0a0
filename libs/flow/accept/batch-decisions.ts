import { AtollError, type ErrorCode } from '#core/errors.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import type { Event } from '#core/event/event.js';
import type { Readiness } from '#core/event/readiness.js';
import type { MutationRow } from '../ports/event-log.js';
import type { BatchTally } from './batch-tally.js';

export interface Refused {
  readonly kind: 'refused';
  readonly error: AtollError;
}

export type CommandDecision =
  /** `seen`: of the entity right after it. `dependencies`: where the command is causal and there are any. `also`: an atomic change's further parts. */
  | {
      readonly kind: 'accepted';
      readonly event: Event;
      readonly seen: VersionVector;
      readonly also: readonly Event[];
      readonly dependencies?: Dependencies;
    }
  | { readonly kind: 'replayed'; readonly row: MutationRow; readonly dependencies?: Dependencies }
  | Refused;

export type PendingReadiness = Extract<Readiness, { readonly kind: 'pending' }>;

export type StoreDecision = 'stored' | 'duplicate' | 'early' | 'fork' | 'stopped';

export function emptyTally(): BatchTally {
  return { folded: 0, aliases: 0, pending: [], refolds: [], parked: [], conflicts: [] };
}

export function refuse(code: ErrorCode, detail: string): Refused {
  return { kind: 'refused', error: new AtollError(code, detail) };
}
