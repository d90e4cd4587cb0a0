/** Told what the stack has done and how long it took, in milliseconds. Notes took no time. */
export type OnProgress = (step: string, millis: number) => void;

/** Tells the steps of a start to whoever listens. */
export interface Progress {
  /** Runs a piece of work and tells its name and time when it has succeeded. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  note(text: string): void;
}

export function progressTo(listener: OnProgress = () => undefined): Progress {
  return {
    async step(name, work) {
      const begun = performance.now();
      const result = await work();
      listener(name, Math.round(performance.now() - begun));
      return result;
    },
    note: (text) => listener(text, 0),
  };
}
