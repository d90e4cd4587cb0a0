import type { Repairer } from '../repair/repairer.js';
import { LeasedWrites, type LeasedWritesParts } from './leased-writes.js';
import { Reclaims, type ReclaimsParts } from './reclaims.js';
import { RightsDesk, type RightsDeskParts } from './rights-desk.js';

/** The stations about rights: those who look for more, take over what is lost, and answer under a lease. */
export function buildRights(
  parts: LeasedWritesParts &
    Omit<ReclaimsParts, 'silentMillis' | 'expect'> &
    Omit<RightsDeskParts, 'reclaims' | 'expect'> & {
      readonly repairer: Pick<Repairer, 'silentMillis' | 'expect'>;
    },
): { readonly reclaims: Reclaims; readonly leased: LeasedWrites; readonly rights: RightsDesk } {
  const { repairer } = parts;
  const expect = repairer.expect.bind(repairer);
  const reclaims = new Reclaims({ ...parts, expect, silentMillis: repairer.silentMillis.bind(repairer) });
  return {
    reclaims,
    leased: new LeasedWrites(parts),
    rights: new RightsDesk({ ...parts, expect, reclaims }),
  };
}
