import { othersNeeded, strongAcks, type Acks } from '#core/consistency/acks.js';
import { AtollError, type FieldError } from '#core/errors.js';
import { entityIdLengthMax, isEntityRef } from '#core/event/event-codec.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { isMembership } from '#core/strong/membership-record.js';
import type { LeasedWrites } from '../rights/leased-writes.js';
import { ownOperationAt } from '../rights/rights-types.js';
import type { Command, CommandPart } from '../service.js';
import { checkOnePartition } from './one-partition.js';

export interface AskedOf {
  readonly types: EntityTypes;
  readonly leased: Pick<LeasedWrites, 'concerns' | 'mixes'>;
}

/** Lets only pass what clients may ask for, whatever the state of the entities is. @throws AtollError */
export function checkAsked(command: Command, { types, leased }: AskedOf): void {
  const parts: readonly CommandPart[] = command.also ? [command, ...command.also] : [command];
  for (const { entity } of parts)
    if (isMembership(entity)) throw new AtollError('unknown_type', `there is no entity type ${entity.type}`);
  for (const { entity } of parts)
    if (!isEntityRef(entity))
      throw new AtollError(
        'too_large',
        `an id has at most ${entityIdLengthMax} characters, as UTF-16 counts them`,
      );
  for (const [index, part] of parts.entries()) {
    const isWithOthers = parts.length > 1 && leased.concerns(part);
    if (isWithOthers || leased.mixes(part)) throw mixed(placeOf(command, index));
  }
  checkOnePartition(command, types);
  for (const [index, part] of parts.entries()) {
    const at = ownOperationAt(types, part);
    if (at === undefined) continue;
    const detail = `'${part.operations[at]?.op}' is for regions among themselves.`;
    throw refusal('unknown_operation', `${placeOf(command, index)}/operations/${at}/op`, detail);
  }
}

export interface AcksWorld {
  readonly types: EntityTypes;
  readonly members: number;
  /** It is decided by the home of its shard. */
  readonly isStrong: boolean;
}

export interface AcksAsked {
  /** Other regions that have to store it before it is answered, besides those that decide it. */
  readonly needed: number;
  /** It is answered before it is decided. */
  readonly isEarly: boolean;
}

/** What a write waits for. An atomic change may ask for no less than each of its types lets it. @throws AtollError */
export function acksAsked(
  acks: Acks | undefined,
  { entity, also = [] }: Pick<Command, 'entity' | 'also'>,
  { types, members, isStrong }: AcksWorld,
): AcksAsked {
  if (isStrong) {
    const [first] = [entity, ...also.map((part) => part.entity)].map(({ type }) => {
      const asked = strongAcks(acks, types.get(type)?.acks, members);
      if (asked) return asked;
      const detail = `${type} is strong: a write of it cannot ask for '${acks}', below a majority`;
      throw new AtollError('acks_not_available', detail);
    });
    if (first) return first;
  }
  const needed = othersNeeded(acks ?? 'local', members);
  if (needed !== undefined) return { needed, isEarly: false };
  throw new AtollError('acks_not_available', `there is no other region that could store it: '${acks}'`);
}

/** Paths of an atomic change are those of a request with a list of changes. */
function placeOf({ also }: Command, index: number): string {
  return also ? `/changes/${index}` : '';
}

function mixed(place: string): AtollError {
  const detail = 'Counters with a rights lease change alone, or with each other.';
  return refusal('invalid_value', `${place}/operations`, detail);
}

function refusal(code: FieldError['code'], path: string, detail: string): AtollError {
  return new AtollError(code, detail, { fields: [{ path, code, detail }] });
}
