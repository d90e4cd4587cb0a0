import {
  CommitUnknown,
  LogUnavailable,
  type EventLog,
  type RegionIdentity,
  type ShardCommit,
} from '#flow/ports/event-log.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { MemoryEventLog } from '../memory/memory-event-log.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimLife } from './sim-life.js';
import type { SimClock } from './sim-clock.js';

/** Chances per commit, drawn from the seed. */
export interface CommitFaults {
  crashBefore: number;
  crashAfter: number;
  unknownNotDone: number;
  unknownDone: number;
  /** The answer is lost and the commit lands only later, unless it is fenced by then. */
  unknownLater: number;
}

export const noCommitFaults: CommitFaults = {
  crashBefore: 0,
  crashAfter: 0,
  unknownNotDone: 0,
  unknownDone: 0,
  unknownLater: 0,
};

/** A region's database with its weather: latency, outages, and what may happen around a commit. */
export interface SimDatabase {
  readonly memory: MemoryDatabase;
  readonly clock: SimClock;
  readonly random: SeededRandom;
  up: boolean;
  faults: CommitFaults;
  readonly stats: { crashedBeforeCommit: number; crashedAfterCommit: number; unknownCommits: number };
  /** Looks at every commit right after it happened. */
  readonly committed: (parts: readonly ShardCommit[], fenced: readonly number[]) => void;
}

/** How long a commit whose answer was lost may take to land, in milliseconds. */
const lateCommitMillisMax = 400;

/** The in-memory event log as a process meets it: every answer takes time, and may never come. */
export class SimLog implements EventLog {
  private readonly inner: MemoryEventLog;

  constructor(
    private readonly database: SimDatabase,
    private readonly life: SimLife,
    private readonly crash: () => void,
  ) {
    this.inner = new MemoryEventLog(database.memory);
  }

  get identity(): RegionIdentity {
    return this.inner.identity;
  }

  readonly takeOver: EventLog['takeOver'] = (...args) => this.call(() => this.inner.takeOver(...args));
  readonly reclaim: EventLog['reclaim'] = (...args) => this.call(() => this.inner.reclaim(...args));
  readonly renew: EventLog['renew'] = (...args) => this.call(() => this.inner.renew(...args));
  readonly release: EventLog['release'] = (...args) => this.call(() => this.inner.release(...args));
  readonly stillOwned: EventLog['stillOwned'] = (...args) => this.call(() => this.inner.stillOwned(...args));
  readonly owners: EventLog['owners'] = () => this.call(() => this.inner.owners());
  readonly processes: EventLog['processes'] = () => this.call(() => this.inner.processes());
  readonly loadShard: EventLog['loadShard'] = (...args) => this.call(() => this.inner.loadShard(...args));
  readonly prepare: EventLog['prepare'] = (...args) => this.call(() => this.inner.prepare(...args));
  readonly states: EventLog['states'] = (...args) => this.call(() => this.inner.states(...args));
  readonly entityEvents: EventLog['entityEvents'] = (...args) =>
    this.call(() => this.inner.entityEvents(...args));
  readonly entityHistory: EventLog['entityHistory'] = (...args) =>
    this.call(() => this.inner.entityHistory(...args));
  readonly range: EventLog['range'] = (range) => this.call(() => this.inner.range(range));
  readonly rangeBytes: EventLog['rangeBytes'] = (range) => this.call(() => this.inner.rangeBytes(range));
  readonly cursors: EventLog['cursors'] = () => this.call(() => this.inner.cursors());
  readonly waiting: EventLog['waiting'] = (...args) => this.call(() => this.inner.waiting(...args));
  readonly listEntities: EventLog['listEntities'] = (...args) =>
    this.call(() => this.inner.listEntities(...args));
  readonly conflicts: EventLog['conflicts'] = (...args) => this.call(() => this.inner.conflicts(...args));
  readonly refused: EventLog['refused'] = (...args) => this.call(() => this.inner.refused(...args));
  readonly openConflicts: EventLog['openConflicts'] = (...args) =>
    this.call(() => this.inner.openConflicts(...args));
  readonly newestBirths: EventLog['newestBirths'] = (...args) =>
    this.call(() => this.inner.newestBirths(...args));
  readonly conflict: EventLog['conflict'] = (...args) => this.call(() => this.inner.conflict(...args));
  readonly saveMarks: EventLog['saveMarks'] = (...args) => this.call(() => this.inner.saveMarks(...args));
  readonly savePositions: EventLog['savePositions'] = (...args) =>
    this.call(() => this.inner.savePositions(...args));
  readonly positions: EventLog['positions'] = () => this.call(() => this.inner.positions());
  readonly dropMutations: EventLog['dropMutations'] = (...args) =>
    this.call(() => this.inner.dropMutations(...args));
  readonly mutationHorizonMillis: EventLog['mutationHorizonMillis'] = () =>
    this.call(() => this.inner.mutationHorizonMillis());
  readonly nowMillis: EventLog['nowMillis'] = () => this.call(() => this.inner.nowMillis());

  /** The one call whose outcome may stay unknown. */
  commit(parts: readonly ShardCommit[]): Promise<{ readonly fenced: readonly number[] }> {
    const { faults, random, stats } = this.database;
    const draw = random.fraction();
    let edge = faults.crashBefore;
    if (draw < edge) {
      stats.crashedBeforeCommit += 1;
      this.crash();
    } else if (draw < (edge += faults.crashAfter)) {
      return this.call(async () => {
        const answer = await this.commitNow(parts);
        stats.crashedAfterCommit += 1;
        this.crash();
        return answer;
      });
    } else if (draw < (edge += faults.unknownNotDone)) {
      return this.call(() => this.unknown());
    } else if (draw < (edge += faults.unknownDone)) {
      return this.call(async () => {
        await this.commitNow(parts);
        return this.unknown();
      });
    } else if (draw < edge + faults.unknownLater) {
      // The backend works on: the statement lands after the client has given up, unless a newer epoch fences it.
      this.database.clock.after(
        random.between(1, lateCommitMillisMax),
        () => void this.commitNow(parts).catch(ignoreRefusal),
      );
      return this.call(() => this.unknown());
    }
    return this.call(() => this.commitNow(parts));
  }

  private async commitNow(parts: readonly ShardCommit[]): Promise<{ readonly fenced: readonly number[] }> {
    const answer = await this.inner.commit(parts);
    this.database.committed(parts, answer.fenced);
    return answer;
  }

  private unknown(): Promise<never> {
    this.database.stats.unknownCommits += 1;
    return Promise.reject(new CommitUnknown('the connection was lost before the answer came'));
  }

  /** Half the latency there, the work in one step, half of it back; nothing comes back to a dead process. */
  private call<T>(work: () => Promise<T>): Promise<T> {
    const { random, clock } = this.database;
    return new Promise((resolve, reject) => {
      this.life.after(random.fraction() * 2, () => {
        const done = this.database.up ? work() : Promise.reject(new LogUnavailable('the database is down'));
        done.then(
          (value) => clock.after(random.fraction() * 2, () => this.life.pass(() => resolve(value))),
          (error: unknown) =>
            clock.after(random.fraction() * 2, () => this.life.pass(() => reject(error as Error))),
        );
      });
    });
  }
}

/** A late commit whose shard has another owner is fenced or refused; nobody waits for it any more. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'CommitRefused') throw error;
}
