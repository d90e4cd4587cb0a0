import type { PeerHandlers } from '#flow/ports/peer-handlers.js';
import type { Peers, Siblings } from '#flow/ports/peers.js';

/** What the peers contract needs of a world: regions us, eu and ap with two places for processes each, known to all. */
export interface PeersLab {
  /** Starts a process of `region` at its first or second place. */
  join(region: string, place: 0 | 1, handlers: PeerHandlers): Promise<Member>;
  /** Where siblings would reach that process, whether or not it runs. */
  address(region: string, place: 0 | 1): string;
  /** The longest a call without an answer may take, in milliseconds, and some slack for a busy machine. */
  readonly callMillisMax: number;
  /** Lets time pass until the work is done. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds; does `meanwhile` again and again. */
  until(condition: () => boolean, what: string, meanwhile?: () => void): Promise<void>;
  elapsedMillis(): number;
  close(): Promise<void>;
}

export interface Member {
  readonly peers: Peers & Siblings;
  /** Kill -9. */
  crash(): Promise<void>;
}

/** The lab of the test that is running. */
export class Bench {
  readonly #open: () => Promise<PeersLab>;
  #lab: PeersLab | undefined;

  constructor(open: () => Promise<PeersLab>) {
    this.#open = open;
  }

  async begin(): Promise<void> {
    this.#lab = await this.#open();
  }

  async end(): Promise<void> {
    await this.#lab?.close();
  }

  get lab(): PeersLab {
    if (this.#lab === undefined) throw new Error('no test is running');
    return this.#lab;
  }

  join(region: string, place: 0 | 1, changes: Partial<PeerHandlers> = {}): Promise<Member> {
    return this.lab.join(region, place, { ...deaf, ...changes });
  }

  failureOf(work: Promise<unknown>): Promise<unknown> {
    return this.lab.run(
      work.then(
        () => 'no failure',
        (error: unknown) => error,
      ),
    );
  }
}

/** A process that was not expected to be asked. */
const deaf: PeerHandlers = {
  fetch: () => Promise.reject(new Error('not expected to be asked')),
  cursors: () => Promise.reject(new Error('not expected to be asked')),
  grantRights: () => Promise.reject(new Error('not expected to be asked')),
  forward: () => Promise.reject(new Error('not expected to be asked')),
  asked: () => Promise.reject(new Error('not expected to be asked')),
  relayed: () => undefined,
};
