import { dotKey, formatDot, type Actor } from '#core/causality/dot.js';
import { nothingSeen, seqOf } from '#core/causality/version-vector.js';
import { missingDependency } from '#core/consistency/dependencies.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import type { Event, StoredEvent } from '#core/event/event.js';
import type { Intake } from '../accept/intake.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Timing } from '../limits.js';
import { CommitUnknown, LogUnavailable, type EventLog, type WaitingRow } from '../ports/event-log.js';
import type { SeqRange } from '../recent-events.js';
import type { ChangeNotice } from '../service.js';
import type { FollowedEvents } from './followed-events.js';
import type { Reader } from './reader.js';
import type { RegionCursors } from './region-cursors.js';
import type { Sessions } from './sessions.js';

export interface ChangeFeedParts {
  readonly log: EventLog;
  readonly timing: Timing;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  readonly cursors: RegionCursors;
  readonly sessions: Sessions;
  readonly reader: Reader;
  readonly followed: FollowedEvents;
}

/** Events read at once of one stream; a consumer that is far behind catches up in such steps. */
const stepEventsMax = 200;
const stepBytesMax = 2 * 1024 * 1024;
const waitingRowsMax = 10_000;

/** What telling a change needs of its event: what waits may be much, and wait long, so nothing else is kept of it. */
type Told = Pick<Event, 'dot' | 'entity' | 'dependencies' | 'resolves' | 'time'>;

/**
 * One consumer's way through everything that is folded in this region, at its own pace: it is given what was committed a
 * moment ago, and reads the log where it is further behind, so that nobody's slowness holds up anybody else.
 *
 * A causal change is told after what it depends on, in whatever shard: its stream stands until the others have come as
 * far. What waits is passed by and told once it is folded. The position is the highest that leaves out nothing: resuming, in
 * any region, may tell again what came after an event that waited, and never leaves a change out.
 */
export class ChangeFeed {
  private readonly passed = new Map<number, Map<Actor, number>>();
  private readonly skipped = new Map<number, Map<string, Told>>();
  private stopped = false;

  constructor(
    private readonly parts: ChangeFeedParts,
    private readonly type: string | undefined,
    private readonly deliver: (notice: ChangeNotice) => Promise<void>,
  ) {}

  stop(): void {
    this.stopped = true;
  }

  /** Runs until it is stopped. @throws AtollError invalid_session when the position is not one of this system's. */
  async run(after: string | undefined): Promise<void> {
    const unfollow = this.parts.followed.follow();
    try {
      await this.follow(after);
    } finally {
      unfollow();
    }
  }

  private async follow(after: string | undefined): Promise<void> {
    await this.parts.cursors.readOthers(0);
    const from: SessionCursors =
      after === undefined ? this.parts.cursors.all('folded') : this.parts.sessions.read(after);
    for (const [shard, vector] of from) this.passed.set(shard, new Map(vector));
    while (!this.stopped) {
      const moved = await this.round();
      if (moved || this.stopped) continue;
      await this.parts.watch.next(this.parts.timing.feedPollMillis);
      await this.parts.cursors.readOthers(0);
    }
  }

  private async round(): Promise<boolean> {
    let moved = false;
    try {
      for (let shard = 0; shard < this.parts.log.identity.shards && !this.stopped; shard += 1) {
        moved = (await this.roundOf(shard)) || moved;
      }
    } catch (error) {
      const database = error instanceof LogUnavailable || error instanceof CommitUnknown;
      if (!database && !(error instanceof AtollError && error.retryable)) throw error;
    }
    return moved;
  }

  private async roundOf(shard: number): Promise<boolean> {
    const stored = this.parts.cursors.vector(shard, 'stored');
    const behind = [...stored].filter(([actor, seq]) => seq > this.passedSeq(shard, actor));
    if (behind.length === 0 && !this.skipped.get(shard)?.size) return false;
    const waiting = await this.waitingDots(shard);
    let moved = await this.tellSettled(shard, waiting);
    for (const [actor, upTo] of behind) {
      const from = this.passedSeq(shard, actor) + 1;
      const to = Math.min(upTo, from + stepEventsMax - 1);
      for (const { event } of await this.eventsOf(shard, actor, { from, to })) {
        if (this.stopped) return true;
        if (!waiting.has(dotKey(event.dot)) && !this.isNext(event)) break;
        if (waiting.has(dotKey(event.dot))) this.skip(shard, event);
        this.pass(shard, event);
        if (!waiting.has(dotKey(event.dot))) await this.tell(shard, event);
        moved = true;
      }
    }
    return moved;
  }

  private async eventsOf(shard: number, actor: Actor, range: SeqRange): Promise<readonly StoredEvent[]> {
    const kept = this.parts.followed.range(shard, actor, range);
    const { from, to } = range;
    return kept ?? this.parts.log.range({ shard, actor, from, limit: to - from + 1, bytesMax: stepBytesMax });
  }

  private async tellSettled(shard: number, waiting: ReadonlySet<string>): Promise<boolean> {
    let moved = false;
    for (const [key, event] of this.skipped.get(shard) ?? []) {
      if (waiting.has(key) || !this.isNext(event)) continue;
      this.unskip(shard, key);
      await this.tell(shard, event);
      moved = true;
    }
    return moved;
  }

  /** Whether this consumer has passed all that the change depends on. */
  private isNext({ dependencies }: Told): boolean {
    return !missingDependency(dependencies, (shard) => this.passed.get(shard) ?? nothingSeen);
  }

  private async tell(shard: number, event: Told): Promise<void> {
    if (this.type !== undefined && event.entity.type !== this.type) return;
    const after = await this.parts.reader.afterImage(event.entity);
    if (!after) return;
    const own = event.dot.actor === this.parts.log.identity.actor;
    const change = event.resolves?.length ? 'resolved' : own ? 'local' : 'merged';
    await this.deliver({
      position: this.position(),
      entity: event.entity,
      value: after.value,
      seen: after.seen,
      cause: after.value === undefined ? 'deleted' : change,
      dot: formatDot(event.dot, shard),
      time: event.time,
    });
  }

  /** Below the first event that was passed by and still waits. */
  private position(): string {
    if (this.skipped.size === 0) return this.parts.sessions.sign(this.passed);
    const position = new Map<number, Map<Actor, number>>();
    for (const [shard, passed] of this.passed) {
      const vector = new Map(passed);
      for (const { dot } of this.skipped.get(shard)?.values() ?? []) {
        const below = Math.min(vector.get(dot.actor) ?? 0, dot.seq - 1);
        if (below > 0) vector.set(dot.actor, below);
        else vector.delete(dot.actor);
      }
      if (vector.size > 0) position.set(shard, vector);
    }
    return this.parts.sessions.sign(position);
  }

  private async waitingDots(shard: number): Promise<ReadonlySet<string>> {
    const owned = this.parts.intake.stateOf(shard)?.waiting;
    const rows: Iterable<WaitingRow> = owned
      ? [...owned.entities()].flatMap((key) => [...owned.ofEntity(key)])
      : await this.parts.log.waiting({ shard, limit: waitingRowsMax });
    return new Set([...rows].map(({ dot }) => dotKey(dot)));
  }

  private skip(shard: number, { dot, entity, dependencies, resolves, time }: Event): void {
    const skipped = this.skipped.get(shard) ?? new Map<string, Told>();
    const kept = { dot, entity, time, ...(dependencies && { dependencies }), ...(resolves && { resolves }) };
    skipped.set(dotKey(dot), kept);
    this.skipped.set(shard, skipped);
  }

  private unskip(shard: number, key: string): void {
    const skipped = this.skipped.get(shard);
    skipped?.delete(key);
    if (skipped?.size === 0) this.skipped.delete(shard);
  }

  private pass(shard: number, { dot }: Event): void {
    const passed = this.passed.get(shard) ?? new Map<Actor, number>();
    passed.set(dot.actor, dot.seq);
    this.passed.set(shard, passed);
  }

  private passedSeq(shard: number, actor: Actor): number {
    return seqOf(this.passed.get(shard) ?? nothingSeen, actor);
  }
}
