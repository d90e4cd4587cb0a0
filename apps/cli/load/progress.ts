/** How far a piece of work is, for those who wait for a share of it. */
export interface Progress {
  readonly total: number;
  done(): number;
  add(count: number): void;
  /** Resolves once so much is done, as a share from 0 to 1. */
  reached(share: number): Promise<void>;
}

export function trackProgress(total: number): Progress {
  let done = 0;
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  return {
    total,
    done: () => done,
    add(count) {
      done += count;
      const ready = waiting.filter((one) => one.count <= done);
      waiting = waiting.filter((one) => one.count > done);
      for (const { resolve } of ready) resolve();
    },
    reached(share) {
      const count = Math.ceil(total * share);
      if (done >= count) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      return promise;
    },
  };
}

/** Lets work through at a pace: each call waits until its turn. */
export interface Pace {
  take(count: number): Promise<void>;
}

/** @param perSecond how many units a second, from now on; unused time is not saved up beyond a tenth of a second */
export function paceOf(perSecond: number): Pace {
  const burstMillis = 100;
  let freeAt = performance.now();
  return {
    async take(count) {
      const now = performance.now();
      freeAt = Math.max(freeAt, now - burstMillis);
      const wait = freeAt - now;
      freeAt += (count * 1000) / perSecond;
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    },
  };
}
