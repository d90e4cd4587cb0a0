import { get, type IncomingMessage } from 'node:http';
import { eventTimes, splitDot, type EventKeys } from '../load/event-times.js';
import { sharedMillis } from '../machine.js';
import { serveSide } from '../side/serve-side.js';

export interface ReaderSettings {
  /** `host:port` of the region whose feed it follows, from now on. */
  readonly http: string;
}

/** Waits until the feed has told each of these events. */
export interface ReaderOrder {
  readonly keys: EventKeys;
  readonly withinMillis: number;
}

export interface ReaderAnswer {
  /** Per key, by the shared clock, when the feed's bytes were here; `NaN`: not within the time. */
  readonly told: Float64Array;
  /** Notices of an event that had been told before. A feed may do so; its consumers know events by their dots. */
  readonly toldAgain: number;
}

const frameEnd = '\n\n';
const dotField = '"dot":"';

/**
 * An independent reader: the public feed of changes over HTTP, in a process of its own. Of a notice it reads the dot
 * alone: parsing values that nobody looks at would take time from what is measured.
 */
serveSide<ReaderSettings, ReaderOrder, ReaderAnswer>(async ({ http }) => {
  const times = eventTimes();
  let toldAgain = 0;
  let ended: Error | undefined;
  let look: () => void = () => undefined;
  const feed = await follow(http);
  let rest = '';
  feed.setEncoding('utf8');
  feed.on('data', (chunk: string) => {
    const told = sharedMillis();
    const frames = (rest + chunk).split(frameEnd);
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const dot = dotOf(frame);
      if (dot === undefined) continue;
      const { stream, seq } = splitDot(dot);
      if (!times.note(stream, seq, told)) toldAgain += 1;
    }
    look();
  });
  feed.once('close', () => {
    ended = new Error('the feed of changes ended');
    look();
  });

  return {
    carryOut: ({ keys, withinMillis }) =>
      new Promise((resolve, reject) => {
        let at = 0;
        const answer = (): void => {
          clearTimeout(late);
          look = () => undefined;
          resolve({ told: times.of(keys), toldAgain });
          toldAgain = 0;
        };
        const late = setTimeout(answer, withinMillis);
        look = () => {
          while (at < keys.seq.length && times.has(keys, at)) at += 1;
          if (at === keys.seq.length) return answer();
          if (ended === undefined) return;
          clearTimeout(late);
          reject(ended);
        };
        look();
      }),
    close: () => Promise.resolve(void feed.destroy()),
  };
});

/** Resolves when the feed has begun: what is written from now on is told. */
function follow(address: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = get(`http://${address}/v1/changes`, { agent: false }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`the feed of changes answered ${response.statusCode}`));
    });
    asked.once('error', reject);
  });
}

/** The last one: a value before it may hold anything. */
function dotOf(frame: string): string | undefined {
  const from = frame.lastIndexOf(dotField);
  if (from < 0) return undefined;
  const start = from + dotField.length;
  return frame.slice(start, frame.indexOf('"', start));
}
