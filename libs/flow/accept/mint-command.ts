import { tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { AtollError } from '#core/errors.js';
import { encodeEvent } from '#core/event/event-codec.js';
import type { EntityRef, Event, StoredEvent } from '#core/event/event.js';
import { decideChange } from '#core/merge/entity-decide.js';
import type { EntityType } from '#core/merge/entity-type.js';
import type { Consistency } from '#core/strong/type-moves.js';
import type { Hashing } from '../ports/record-auth.js';
import type { BatchMoves } from '../strong/batch-moves.js';
import type { BatchStrong } from '../strong/batch-strong.js';
import type { MutationRow } from '../ports/event-log.js';
import { refuse, type Refused } from './batch-decisions.js';
import type { BatchWaiting } from './batch-waiting.js';
import { placeIn, type BatchWorld } from './batch-world.js';
import { staleInput } from './before-deciding.js';
import type { WorkingEntity } from './entity-step.js';
import { heldUp } from './held-up.js';
import { partsOf, type PreparedCommand } from './prepared-command.js';
import type { Cursor } from './shard-state.js';

/** What a command is decided on: the batch as it stands before it. Nothing of it is changed here. */
export interface MintingGround {
  readonly shard: number;
  readonly world: BatchWorld;
  readonly clock: HybridClock;
  /** Of this region's own stream. */
  readonly head: Cursor;
  readonly strong: BatchStrong;
  readonly moves: BatchMoves;
  readonly waiting: BatchWaiting;
  readonly working: (entity: EntityRef, key: string) => WorkingEntity;
  /** Records of the command's mutation id. */
  readonly known: readonly MutationRow[];
}

export type Minted =
  { readonly kind: 'minted'; readonly events: readonly StoredEvent[]; readonly clock: HybridClock } | Refused;

/** Decides every part of a command, and stamps their events in consecutive seqs: all of them, or none (PROTOCOL §8). */
export function mintCommand(ground: MintingGround, command: PreparedCommand): Minted {
  if (!ground.world.isClockTrusted)
    return refuse('clock_out_of_bounds', 'the clock of this region is too far from those of the others');
  const parts = partsOf(command);
  const events: StoredEvent[] = [];
  const as = command.isStrong === true ? 'strong' : 'eventual';
  let { head, clock } = ground;
  let bytes = 0;
  for (const [index, part] of parts.entries()) {
    const group = parts.length > 1 ? { index, size: parts.length } : undefined;
    clock = tick(clock, ground.world.nowMillis);
    const minted = mintPart({ ...ground, head, clock, as }, part, group);
    if (minted.kind === 'refused') return group ? atPart(minted, index) : minted;
    const { stored } = minted;
    head = { ...head, stored: stored.event.dot.seq, hash: stored.hash };
    bytes += stored.bytes.length;
    events.push(stored);
  }
  const { groupBytesMax } = ground.world;
  if (parts.length > 1 && bytes > groupBytesMax)
    return refuse(
      'too_large',
      `the change makes events of ${bytes} bytes; at most ${groupBytesMax} together`,
    );
  return { kind: 'minted', events, clock };
}

type MintedPart = { readonly kind: 'minted'; readonly stored: StoredEvent } | Refused;

/** `as`: how it was brought here, which must be how its type is written. */
type PartGround = MintingGround & { readonly as: Consistency };

function mintPart(ground: PartGround, part: PreparedCommand, group: Event['group']): MintedPart {
  const { world, head, clock, as } = ground;
  const type = world.types.get(part.entity.type);
  if (!type) return refuse('unknown_type', `there is no entity type ${part.entity.type}`);
  const obstacle = whyNot(ground, part, type);
  if (obstacle) return obstacle;
  const working = ground.working(part.entity, part.key);
  const { seen } = working.state;
  const stale = staleInput(part, as, seen);
  if (stale) return stale;
  const dot = { actor: world.ownActor, seq: head.stored + 1 };
  const time = { ...clock, actor: world.ownActor };
  const { observed } = part;
  const decision = decideChange(type, working.state, part, {
    dot,
    time,
    context: seen,
    ...(observed && { observed }),
    ...(world.holdsRights(type.name) && { place: placeIn(world, part.mutationId) }),
  });
  if (decision.kind === 'rejected') {
    const { code, detail, path } = decision;
    return { kind: 'refused', error: new AtollError(code, detail, { fields: [{ path, code, detail }] }) };
  }
  const { phase } = ground.moves.modeOf(type);
  const stored = stamp(world.hashing, {
    ...ofCommand(part),
    shard: ground.shard,
    dot,
    prev: head.hash,
    schemaVersion: type.schemaVersion,
    changes: decision.changes,
    context: seen,
    time,
    ...(as === 'strong' && { epoch: ground.strong.epoch }),
    ...(phase > 0 && { phase }),
    ...(group && { group }),
  });
  const { length } = stored.bytes;
  if (length > world.eventBytesMax)
    return refuse(
      'too_large',
      `the change makes an event of ${length} bytes; at most ${world.eventBytesMax}`,
    );
  return { kind: 'minted', stored };
}

function whyNot(
  { strong, moves, waiting, world, known, as }: PartGround,
  part: PreparedCommand,
  type: EntityType,
): Refused | undefined {
  const error =
    moves.whyNot(type, part.entity, as) ?? (as === 'strong' ? strong.whyNot(part, known) : undefined);
  return error ? { kind: 'refused', error } : heldUp(part, waiting, world);
}

/** What an event carries of its command as it came. */
function ofCommand(
  command: PreparedCommand,
): Pick<Event, 'entity' | 'kind' | 'mutation' | 'observed' | 'dependencies' | 'resolves' | 'trace' | 'acks'> {
  const { entity, kind, observed, dependencies, resolves = [], trace } = command;
  return {
    entity,
    kind,
    ...(observed && { observed }),
    ...(dependencies && { dependencies }),
    mutation: { id: command.mutationId, digest: command.digest },
    ...(resolves.length > 0 && { resolves }),
    ...(trace !== undefined && { trace }),
    ...(command.asksAcks && { acks: true }),
  };
}

export function stamp(hashing: Hashing, event: Event): StoredEvent {
  const bytes = hashing.utf8(encodeEvent(event));
  return { event, bytes, hash: hashing.sha256Hex(bytes) };
}

/** Which part refused the whole: paths are those of a request with a list of changes. */
function atPart({ error }: Refused, index: number): Refused {
  const { code, message } = error;
  const place = `/changes/${index}`;
  const fields =
    error.fields.length > 0
      ? error.fields.map((field) => ({ ...field, path: place + field.path }))
      : [{ path: place, code, detail: message }];
  return { kind: 'refused', error: new AtollError(code, message, { fields, cause: error }) };
}
