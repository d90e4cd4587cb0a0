import { judgedCommands, type JudgedCommand, type JudgedEvent } from './judged-event.js';

export interface Concurrency {
  /** Commands looked at: one per mutation id and entity. */
  readonly commands: number;
  /** Those of them that some other region wrote the same entity beside, neither having heard of the other. */
  readonly concurrent: number;
}

/**
 * Counts, for one entity, the commands that hit it concurrently with another region: there is an event of another actor
 * that is not in the command's context, and whose context does not hold the command's event either.
 *
 * An actor's contexts of one entity only grow, so of the events of an actor that a command had not seen the first one
 * has seen the least: it alone decides.
 */
export function concurrencyOf(events: readonly JudgedEvent[]): Concurrency {
  const survivors = judgedCommands(events).map((command: JudgedCommand) => command.survivor);
  const byActor = new Map<string, JudgedEvent[]>();
  for (const event of survivors.toSorted((a, b) => a.seq - b.seq)) {
    const own = byActor.get(event.actor);
    if (own) own.push(event);
    else byActor.set(event.actor, [event]);
  }
  const isConcurrent = (event: JudgedEvent): boolean =>
    [...byActor].some(([actor, others]) => {
      if (actor === event.actor) return false;
      const first = firstAbove(others, event.context[actor] ?? 0);
      return first !== undefined && (first.context[event.actor] ?? 0) < event.seq;
    });
  return { commands: survivors.length, concurrent: survivors.filter(isConcurrent).length };
}

function firstAbove(events: readonly JudgedEvent[], seq: number): JudgedEvent | undefined {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return events[low];
}
