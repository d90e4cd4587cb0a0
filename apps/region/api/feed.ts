import { setImmediate as nextTurn } from 'node:timers/promises';
import { AtollError } from '#core/errors.js';
import type { ChangeNotice } from '#flow/service.js';
import type { NoticeAnswer } from '#io/http/answers.js';
import { feedClientsMax } from '#io/http/limits.js';
import { encodeVersion, vectorObject } from './answer.js';
import { assertType } from './entities.js';
import type { ApiParts } from './api-parts.js';
import { inCanonicalOrder } from './canonical-order.js';

export interface FeedQuery {
  readonly type?: string | undefined;
  readonly after?: string | undefined;
}

export interface Feed {
  stop(): void;
  /** Resolves once it is fixed from where on changes are told; rejects where the position is not one. */
  readonly started: Promise<void>;
  /** Rejects when the feed cannot go on. */
  readonly ended: Promise<void>;
}

/** The changes feed, for at most so many clients at a time; stopped together when the service stops. */
export function feedOperations(parts: ApiParts) {
  const { service } = parts;
  const open = new Set<Feed>();

  return {
    /** `deliver` is awaited before the next notice is read: a slow client holds no more than one. */
    follow({ type, after }: FeedQuery, deliver: (notice: NoticeAnswer) => Promise<void>): Feed {
      if (type !== undefined) assertType(parts, type);
      if (open.size >= feedClientsMax)
        throw new AtollError('overloaded', `This process serves ${feedClientsMax} feeds at a time.`);
      const query = { ...(type === undefined ? {} : { type }), ...(after === undefined ? {} : { after }) };
      const running = service.changes(query, (notice) => deliver(noticeAnswer(notice)));
      // The feed and the barrier read the same cursors, the feed first: a barrier that is made tells that it has begun.
      const begun = service.barrier().then(() => nextTurn());
      const feed: Feed = {
        stop: () => running.stop(),
        ended: running.ended,
        started: Promise.race([running.ended, begun]),
      };
      open.add(feed);
      const forget = (): boolean => open.delete(feed);
      feed.ended.then(forget, forget);
      feed.started.catch(() => undefined);
      return feed;
    },

    stopFeeds(): void {
      for (const feed of open) feed.stop();
    },
  };
}

function noticeAnswer({ position, entity, value, seen, cause, dot, time }: ChangeNotice): NoticeAnswer {
  return {
    position,
    ...entity,
    value: value === undefined ? null : inCanonicalOrder(value),
    version: encodeVersion(seen),
    seen: vectorObject(seen),
    cause,
    dot,
    time: { wallMillis: time.wallMillis, counter: time.counter },
  };
}
