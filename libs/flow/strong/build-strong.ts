import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { firstMembership } from '#core/strong/membership.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { Intake } from '../accept/intake.js';
import type { ShardState } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import type { ShardOwner } from '../ports/event-log.js';
import type { RegionPorts, RegionProcessConfig } from '../region-ports.js';
import { Elections } from './elections.js';
import { Homes } from './homes.js';
import { KnownMemberships } from './known-memberships.js';
import type { Members } from './members.js';
import { Questions } from './questions.js';
import type { StrongDesk } from './strong-desk.js';
import { TypeMover } from './type-mover.js';
import type { TypeOperators } from './type-operators.js';
import type { StrongService } from './strong-service.js';

/** Who the homes are, and how new ones are found. */
export interface StrongHearing {
  readonly homes: Homes;
  readonly questions: Questions;
  readonly elections: Elections;
  readonly memberships: KnownMemberships;
  readonly mover: TypeMover;
  /** The strong log of a shard has changed here. */
  readonly committed: (state: ShardState) => void;
  /** This process owns the shard from now on. */
  readonly own: (state: ShardState) => void;
}

export interface StrongStations extends StrongHearing {
  readonly desk: StrongDesk;
  readonly service: StrongService;
  readonly members: Members;
  readonly types: TypeOperators;
}

/** Whether any type is declared strong. */
export function hasStrongTypes(types: EntityTypes): boolean {
  return [...types.values()].some(({ consistency }) => consistency === 'strong');
}

export function buildStrong(
  ports: RegionPorts,
  { address, members, strongMembers, timing, types }: RegionProcessConfig,
  ground: {
    readonly intake: Intake;
    readonly cache: EntityCache;
    readonly watch: CursorWatch;
    readonly owners: () => readonly ShardOwner[];
    readonly handOver: (shard: number, to: string) => Promise<unknown>;
    readonly wants: (region: string, shard: number, stored: VersionVector) => void;
  },
): StrongHearing {
  const questions = new Questions(ports);
  const first = strongMembers ?? firstMembership(members);
  const memberships = new KnownMemberships({ ...ports, ...ground, first });
  const homes = new Homes({ ...ports, ...ground, members, memberships, timing, address });
  const isNeeded = hasStrongTypes(types);
  const elections = new Elections({ ...ports, ...ground, memberships, timing, homes, questions, isNeeded });
  const mover = new TypeMover({ ...ports, ...ground, types, members, timing, homes, questions, elections });
  return {
    ...{ homes, questions, elections, memberships, mover },
    committed: (state) => {
      homes.committed(state);
      mover.look(state);
    },
    own: (state) => {
      homes.own(state);
      mover.look(state);
    },
  };
}
