import type { EventLog } from '#flow/ports/event-log.js';
import type { EventTimes } from '../load/event-times.js';
import { sharedMillis } from '../machine.js';

/** Notes when the events of a commit were durable: the moment the database said so. */
export function watchingCommits(log: EventLog, times: EventTimes): EventLog {
  const watched = Object.create(log) as { commit: EventLog['commit'] } & EventLog;
  watched.commit = async (shards) => {
    const answer = await log.commit(shards);
    const now = sharedMillis();
    for (const { shard, events } of shards) {
      if (answer.fenced.includes(shard)) continue;
      for (const { event } of events) times.note(`${event.dot.actor}:${shard}`, event.dot.seq, now);
    }
    return answer;
  };
  return watched;
}
