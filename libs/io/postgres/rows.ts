import { assert } from '#core/assert.js';
import type { Dot } from '#core/causality/dot.js';
import { decodeEvent } from '#core/event/event-codec.js';
import type { EventBytes, StoredEvent } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { parseJson } from '#core/parse-json.js';
import type {
  ConflictRow,
  CursorRow,
  Fence,
  ListedRow,
  MutationRow,
  RefusedRow,
  ShardOwner,
  StateRow,
  WaitingRow,
} from '#flow/ports/event-log.js';
import type { Row } from './statement.js';

/** Postgres' rows in the port's shapes. A column list and its reader stand together, because they must agree. */

/** A leading byte order mark is a character like any other. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes of an event are the UTF-8 of its canonical text, so they come as that text where they come as they are stored. */
export const eventColumns = `event.bytes, encode(event.hash, 'hex')`;
export const eventAsStored = [true, false];
export function readEvent([text, hash]: Row): StoredEvent {
  const event = decodeEvent(text as string);
  assert(event !== undefined, 'INV-1: what the log stored can be read again');
  return { event, bytes: Buffer.from(text as string), hash: hash as string };
}

/** For whoever passes it on: nothing is decoded. */
export const eventBytesColumns = 'event.bytes, event.type, event.id';
export const eventBytesAsStored = [true, false, false];
export function readEventBytes([text, type, id]: Row): EventBytes {
  return {
    event: { entity: { type: type as string, id: id as string } },
    bytes: Buffer.from(text as string),
  };
}

export const listedColumns = `entity.type, entity.id, entity.shard, entity.state, entity.value, exists (
  select from atoll.waiting
  where waiting.type = entity.type and waiting.id = entity.id and waiting.state = 'parked')`;
export function readListed([type, id, shard, state, value, isParked]: Row): ListedRow {
  return {
    entity: { type: type as string, id: id as string },
    shard: Number(shard),
    state: utf8.decode(state as Buffer),
    value: value === null ? null : utf8.decode(value as Buffer),
    isParked: isParked as boolean,
  };
}

/** Its state comes as it is stored. */
export const stateColumns = 'entity.type, entity.id, entity.shard, entity.state';
export function readState([type, id, shard, state]: Row): StateRow {
  return { entity: { type: type as string, id: id as string }, shard: Number(shard), state: state as string };
}

/** A mutation row has the first columns of a state, and its own behind them. */
export function readMutation(row: Row): MutationRow {
  const [type, entityId, shard, , id, digest, actor, seq, groupIndex, bornMillis] = row;
  return {
    id: id as string,
    digest: digest as string,
    entity: { type: type as string, id: entityId as string },
    shard: Number(shard),
    dot: readDot(actor, seq),
    groupIndex: Number(groupIndex),
    bornMillis: Number(bornMillis),
  };
}

export const cursorColumns = `actor.name, cursor.stored, encode(cursor.hash, 'hex'), cursor.folded`;
export function readCursor([actor, stored, hash, folded]: Row): CursorRow {
  return { actor: actor as string, stored: Number(stored), hash: hash as string, folded: Number(folded) };
}

export const fenceColumns = 'shard_owner.owner_epoch, shard_owner.batch, shard_owner.last_seq';
export function readFence([ownerEpoch, batch, lastSeq]: Row): Fence {
  return { ownerEpoch: Number(ownerEpoch), batch: Number(batch), lastSeq: Number(lastSeq) };
}

export const ownerColumns = `shard_owner.shard, shard_owner.owner, shard_owner.owner_address, shard_owner.owner_epoch,
  greatest(0, extract(epoch from case when isfinite(shard_owner.lease_until)
    then shard_owner.lease_until - clock_timestamp() else interval '0' end) * 1000)`;
export function readOwner([shard, owner, address, ownerEpoch, leaseRemainingMillis]: Row): ShardOwner {
  return {
    shard: Number(shard),
    owner: owner as string,
    address: address as string,
    ownerEpoch: Number(ownerEpoch),
    leaseRemainingMillis: Number(leaseRemainingMillis),
  };
}

export const waitingColumns = `waiting.shard, actor.name, waiting.seq, waiting.type, waiting.id, waiting.state,
  waited.name, waiting.waits_seq, waiting.waits_shard, waiting.reason`;
export function readWaiting(row: Row): WaitingRow & { readonly shard: number } {
  const [shard, actor, seq, type, id, state, waitsActor, waitsSeq, waitsShard, reason] = row;
  return {
    shard: Number(shard),
    dot: readDot(actor, seq),
    entity: { type: type as string, id: id as string },
    state: state as WaitingRow['state'],
    ...(waitsActor === null ? {} : { waitsFor: readDot(waitsActor, waitsSeq) }),
    ...(waitsShard === null ? {} : { waitsIn: Number(waitsShard) }),
    ...(reason === null ? {} : { reason: reason as string }),
  };
}

export const refusedColumns =
  'refused.shard, actor.name, refused.seq, refused.type, refused.id, refused.epoch, refused.mutation_id';
export function readRefused(row: Row): RefusedRow & { readonly shard: number } {
  const [shard, actor, seq, type, id, epoch, mutationId] = row;
  return {
    shard: Number(shard),
    dot: readDot(actor, seq),
    entity: { type: type as string, id: id as string },
    epoch: epoch as string,
    mutationId: mutationId as string,
  };
}

export const conflictColumns = `conflict.id, conflict.shard, conflict.type, conflict.entity_id, conflict.field,
  conflict.policy, low.name, conflict.low_seq, high.name, conflict.high_seq, conflict.low_change::text,
  conflict.high_change::text, resolved.name, conflict.resolved_seq, conflict.detected_millis`;
export function readConflict(row: Row): ConflictRow {
  const [id, shard, type, entityId, field, policy, lowActor, lowSeq, highActor, highSeq] = row;
  const [lowChange, highChange, resolvedActor, resolvedSeq, detectedMillis] = row.slice(10);
  return {
    id: id as string,
    shard: Number(shard),
    entity: { type: type as string, id: entityId as string },
    field: field as string,
    policy: policy as string,
    low: readDot(lowActor, lowSeq),
    high: readDot(highActor, highSeq),
    lowChange: parseJson(lowChange as string) as Json,
    highChange: parseJson(highChange as string) as Json,
    resolvedBy: resolvedActor === null ? null : readDot(resolvedActor, resolvedSeq),
    detectedMillis: Number(detectedMillis),
  };
}

function readDot(actor: unknown, seq: unknown): Dot {
  return { actor: actor as string, seq: Number(seq) };
}
