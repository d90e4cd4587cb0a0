import { assert } from '#core/assert.js';

/** A run of one shard's own events that one request carries. */
export interface PublishRange {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  /** Which time of owning the shard it belongs to: an answer of an earlier one no longer counts. */
  readonly life: number;
}

/** A run under way. Its number is its own: after a failure another run may begin where this one did. */
export interface PublishRun extends PublishRange {
  readonly number: number;
}

interface ShardProgress {
  readonly life: number;
  /** Next seq to send. */
  next: number;
  /** Last seq that is durable here. */
  last: number;
  /** First seqs of the runs under way, by number. */
  readonly underWay: Map<number, number>;
}

/**
 * What one cluster still has to be sent, per shard. Several runs are under way at once and may be acknowledged in any
 * order: receivers order by seq. A run that failed is sent again, together with all that follows it.
 */
export class PublishQueue {
  private readonly shards = new Map<number, ShardProgress>();
  private lives = 0;
  private runs = 0;
  /** The shard whose run was begun last. */
  private turn = -1;

  own(shard: number, mark: number, last: number): void {
    this.lives += 1;
    this.shards.set(shard, { life: this.lives, next: mark + 1, last, underWay: new Map() });
  }

  lost(shard: number): void {
    this.shards.delete(shard);
  }

  /** A higher seq is durable now. */
  grow(shard: number, last: number): void {
    const progress = this.shards.get(shard);
    if (progress) progress.last = Math.max(progress.last, last);
  }

  /**
   * The next run of each shard with something to send, each at most `eventsMax` long, beginning behind the one whose turn it
   * was last: of a backlog that takes long, every stream moves.
   */
  candidates(eventsMax: number): readonly PublishRange[] {
    const ranges: PublishRange[] = [];
    for (const [shard, { life, next, last }] of this.shards) {
      if (next <= last) ranges.push({ shard, life, from: next, to: Math.min(last, next + eventsMax - 1) });
    }
    const behindTurn = ranges.findIndex(({ shard }) => shard > this.turn);
    return behindTurn > 0 ? [...ranges.slice(behindTurn), ...ranges.slice(0, behindTurn)] : ranges;
  }

  begin(range: PublishRange): PublishRun {
    const progress = this.current(range);
    assert(progress?.next === range.from, 'INV-3: a shard is published without a gap');
    progress.next = range.to + 1;
    this.runs += 1;
    progress.underWay.set(this.runs, range.from);
    this.turn = range.shard;
    return { ...range, number: this.runs };
  }

  /** All of the run, or up to a seq: the rest is sent again. A shard that was lost meanwhile no longer matters. */
  acknowledged(run: PublishRun, to = run.to): void {
    this.ended(run, to);
  }

  failed(run: PublishRun): void {
    this.ended(run, run.from - 1);
  }

  private ended(run: PublishRun, sentTo: number): void {
    const progress = this.current(run);
    if (!progress?.underWay.delete(run.number)) return;
    if (sentTo < run.to) progress.next = Math.min(progress.next, sentTo + 1);
  }

  private current({ shard, life }: PublishRange): ShardProgress | undefined {
    const progress = this.shards.get(shard);
    return progress?.life === life ? progress : undefined;
  }

  /** Everything at or below is acknowledged. */
  mark(shard: number): number {
    const progress = this.shards.get(shard);
    if (!progress) return 0;
    let lowest = progress.next;
    for (const from of progress.underWay.values()) lowest = Math.min(lowest, from);
    return lowest - 1;
  }

  /** Durable here and in no request, acknowledged or under way. */
  get unsent(): number {
    let events = 0;
    for (const { next, last } of this.shards.values()) events += Math.max(0, last - next + 1);
    return events;
  }

  /** Sent, or under way, and not yet stored by the region of the cluster as far as it told; of shards that it told of. */
  ahead(storedThere: ReadonlyMap<number, number>): number {
    let events = 0;
    for (const [shard, { next }] of this.shards) {
      const stored = storedThere.get(shard);
      if (stored !== undefined) events += Math.max(0, next - 1 - stored);
    }
    return events;
  }

  get isUnderWay(): boolean {
    for (const { underWay } of this.shards.values()) if (underWay.size > 0) return true;
    return false;
  }

  get backlog(): number {
    let events = 0;
    for (const [shard, { last }] of this.shards) events += last - this.mark(shard);
    return events;
  }

  owned(): readonly number[] {
    return [...this.shards.keys()];
  }
}
