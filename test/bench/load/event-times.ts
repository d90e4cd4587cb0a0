/** Events by numbers, cheap to keep and to hand to another process. */
export interface EventKeys {
  /** `actor:shard`, each once. */
  readonly streams: readonly string[];
  /** Per event: the index of its stream, and its seq in it. */
  readonly stream: Uint16Array;
  readonly seq: Float64Array;
}

/** A dot in its public form (`actor:shard:seq`), taken apart. */
export function splitDot(dot: string): { readonly stream: string; readonly seq: number } {
  const cut = dot.lastIndexOf(':');
  return { stream: dot.slice(0, cut), seq: Number(dot.slice(cut + 1)) };
}

/** When something happened to each event; times are milliseconds of the shared clock. */
export interface EventTimes {
  /** `false`: it was noted before, and what was noted stands. */
  note(stream: string, seq: number, millis: number): boolean;
  has(keys: EventKeys, at: number): boolean;
  /** `NaN` where nothing was noted. */
  of(keys: EventKeys): Float64Array;
}

const lengthFirst = 4096;

/** A seq counts from 1 without a gap, so that a stream's times are one array. */
export function eventTimes(): EventTimes {
  const streams = new Map<string, Float64Array>();
  const roomFor = (stream: string, seq: number): Float64Array => {
    const times = streams.get(stream);
    if (times !== undefined && seq < times.length) return times;
    const grown = new Float64Array(Math.max(lengthFirst, seq * 2));
    if (times !== undefined) grown.set(times);
    streams.set(stream, grown);
    return grown;
  };
  const timeOf = ({ streams: names, stream, seq }: EventKeys, at: number): number =>
    streams.get(names[stream[at] ?? 0] ?? '')?.[seq[at] ?? 0] ?? 0;
  return {
    note(stream, seq, millis) {
      const times = roomFor(stream, seq);
      if (times[seq] !== 0) return false;
      times[seq] = millis;
      return true;
    },
    has: (keys, at) => timeOf(keys, at) !== 0,
    of: (keys) => Float64Array.from(keys.seq, (_, at) => timeOf(keys, at) || NaN),
  };
}

/** Collects events in the order in which they are added. */
export function gatherKeys(): { add(dot: string): void; keys(): EventKeys } {
  const indexes = new Map<string, number>();
  const stream: number[] = [];
  const seqs: number[] = [];
  return {
    add(dot) {
      const { stream: name, seq } = splitDot(dot);
      let index = indexes.get(name);
      if (index === undefined) indexes.set(name, (index = indexes.size));
      stream.push(index);
      seqs.push(seq);
    },
    keys: () => ({
      streams: [...indexes.keys()],
      stream: Uint16Array.from(stream),
      seq: Float64Array.from(seqs),
    }),
  };
}
