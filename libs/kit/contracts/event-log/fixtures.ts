import { createHash } from 'node:crypto';
import type { Actor, Dot } from '#core/causality/dot.js';
import { encodeEvent } from '#core/event/event-codec.js';
import type { EntityRef, Event, StoredEvent } from '#core/event/event.js';
import type {
  ConflictRow,
  CursorRow,
  EntityRow,
  EventLog,
  Fence,
  MutationRow,
  ShardCommit,
} from '#flow/ports/event-log.js';

/** What a contract test needs to know of an implementation. */
export interface EventLogRegion {
  /** The event log as one more process of the same region has it. */
  open(): Promise<EventLog>;
  dispose(): Promise<void>;
}

/** Makes a new, empty region with this many shards. */
export type MakeRegion = (shards: number) => Promise<EventLogRegion>;

export const processA = { id: 'process-a', address: '127.0.0.1:7001' };
export const processB = { id: 'process-b', address: '127.0.0.1:7002' };

/** Longer than any test. */
export const longLeaseMillis = 600_000;

export const otherActor: Actor = 'us~other';

export function cart(id: string): EntityRef {
  return { type: 'cart', id };
}

/** An event with true bytes and a true hash. Its content does not matter to a log, its size may. */
export function storedEvent(
  given: Pick<Event, 'dot' | 'entity'> & { readonly shard?: number; readonly padding?: string },
): StoredEvent {
  const { dot, entity, shard = 0, padding = '' } = given;
  const event: Event = {
    shard,
    dot,
    prev: '',
    entity,
    kind: 'update',
    schemaVersion: 1,
    changes: [{ field: 'note', policyVersion: 1, change: padding }],
    context: new Map(),
    time: { wallMillis: 1_700_000_000_000, counter: dot.seq, actor: dot.actor },
    mutation: { id: `m-${dot.actor}-${shard}-${dot.seq}`, digest: 'digest' },
  };
  const bytes = new TextEncoder().encode(encodeEvent(event));
  return { event, bytes, hash: hashOf(bytes) };
}

export function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function entityRow(entity: EntityRef, shard = 0, text = '{"state":1}'): EntityRow {
  return { entity, shard, state: text, value: `{"of":${text}}` };
}

export function cursorRow(actor: Actor, stored: number, folded = stored): CursorRow {
  return { actor, stored, hash: hashOf(`${actor}:${stored}`), folded };
}

export function mutationRow(dot: Dot, changes: Partial<MutationRow> = {}): MutationRow {
  return {
    id: `m-${dot.actor}-${dot.seq}`,
    digest: 'AAAAAAAAAAAAAAAAAAAAAA',
    entity: cart('1'),
    shard: 0,
    dot,
    groupIndex: 0,
    bornMillis: 1_700_000_000_000 + dot.seq,
    ...changes,
  };
}

export function conflictRow(id: string, changes: Partial<ConflictRow> = {}): ConflictRow {
  return {
    id,
    shard: 0,
    entity: cart('1'),
    field: 'note',
    policy: 'last-writer-wins',
    low: { actor: 'eu~a', seq: 1 },
    high: { actor: otherActor, seq: 2 },
    lowChange: { value: 'low', counter: 1.5 },
    highChange: ['high', null, true],
    resolvedBy: null,
    detectedMillis: 1_700_000_000_123,
    ...changes,
  };
}

/** A part of a batch that says nothing, with what the test is about on top. */
export function part(fence: Fence, changes: Partial<ShardCommit> = {}): ShardCommit {
  return {
    shard: 0,
    fence,
    lastSeq: fence.lastSeq,
    hybridFloorMillis: 0,
    events: [],
    entities: [],
    cursors: [],
    mutations: [],
    waiting: [],
    settled: [],
    conflicts: [],
    withdrawnConflicts: [],
    resolvedConflicts: [],
    refused: [],
    voided: [],
    ...changes,
  };
}

/** Takes a shard for process A and answers its fence. */
export async function owned(log: EventLog, shard = 0): Promise<Fence> {
  const outcome = await log.takeOver(shard, processA, longLeaseMillis);
  if (outcome.kind !== 'taken') throw new Error(`shard ${shard} is held by ${outcome.by.owner}`);
  return (await log.loadShard(shard)).fence;
}

/** Commits to one shard as its owner would, batch after batch, with the right fence each time. */
export class Writer {
  private readonly log: EventLog;
  private readonly shard: number;
  private fence: Fence;

  private constructor(log: EventLog, shard: number, fence: Fence) {
    this.log = log;
    this.shard = shard;
    this.fence = fence;
  }

  static async of(log: EventLog, shard = 0): Promise<Writer> {
    return new Writer(log, shard, await owned(log, shard));
  }

  /** The next part with the right fence, for a test that commits it itself. */
  next(changes: Partial<ShardCommit>): ShardCommit {
    return part(this.fence, { shard: this.shard, ...changes });
  }

  async write(changes: Partial<ShardCommit>): Promise<void> {
    const next = this.next(changes);
    const { fenced } = await this.log.commit([next]);
    if (fenced.length > 0) throw new Error(`shard ${this.shard} was fenced`);
    this.fence = { ...this.fence, batch: this.fence.batch + 1, lastSeq: next.lastSeq };
  }
}

/** An event as a plain value: one log may answer a `Buffer` where another answers a `Uint8Array`. */
export function plainEvent(stored: StoredEvent): unknown {
  return { event: stored.event, hash: stored.hash, bytes: hex(stored.bytes) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
