import type { VersionVector } from '#core/causality/version-vector.js';
import type { Intake } from '../accept/intake.js';
import type { CursorWatch } from '../accept/wake.js';
import type { ShardOwner } from '../ports/event-log.js';
import type { RegionPorts, RegionProcessConfig } from '../region-ports.js';
import { Elections } from './elections.js';
import { Homes } from './homes.js';
import { Questions } from './questions.js';
import type { StrongDesk } from './strong-desk.js';
import type { StrongService } from './strong-service.js';

/** Who the homes are, and how new ones are found. */
export interface StrongHearing {
  readonly homes: Homes;
  readonly questions: Questions;
  readonly elections: Elections;
}

export interface StrongStations extends StrongHearing {
  readonly desk: StrongDesk;
  readonly service: StrongService;
}

export function buildStrong(
  ports: RegionPorts,
  { address, members, timing, types }: RegionProcessConfig,
  ground: {
    readonly intake: Intake;
    readonly watch: CursorWatch;
    readonly owners: () => readonly ShardOwner[];
    readonly wants: (region: string, shard: number, stored: VersionVector) => void;
  },
): StrongHearing {
  const questions = new Questions(ports);
  const homes = new Homes({ ...ports, ...ground, members, timing, address });
  const isNeeded = [...types.values()].some(({ consistency }) => consistency === 'strong');
  const elections = new Elections({ ...ports, ...ground, members, timing, homes, questions, isNeeded });
  return { homes, questions, elections };
}
