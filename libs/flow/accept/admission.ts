import { admit, type NoRoom, type RequestKind } from '#core/admission/admit.js';
import { AtollError } from '#core/errors.js';
import type { Limits } from '../limits.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Intake } from './intake.js';

export interface AdmissionParts {
  readonly limits: Pick<Limits, 'requestsMax' | 'requestBytesMax' | 'commandsMax'>;
  readonly intake: Pick<Intake, 'hasRoom'>;
  readonly telemetry: Telemetry;
}

/** A request that was let in, until it leaves. */
export interface Ticket {
  /** More of its body has come. @throws AtollError overloaded */
  charge(bytes: number): void;
  /** Its body is all there: from here on its commands are counted one by one. */
  arrived(): void;
  /** It is over, with all that was held for it. Once is enough; more does nothing. */
  leave(): void;
}

/** Of so many requests that write, and of those before by halves, it is known how many commands are in one. */
const sizeWritesMax = 128;

/**
 * The door of a process: what is under way of all ways in, HTTP and gRPC alike, stays within limits (INV-15). Requests are
 * counted before their bodies are read, commands before they wait for anything.
 */
export class Admission {
  private requests = 0;
  private bytes = 0;
  private commands = 0;
  /** Requests that write. */
  private writes = 0;
  /** Those of them whose bodies are on their way. */
  private arriving = 0;
  private readonly size = { writes: 1, commands: 1 };

  constructor(private readonly parts: AdmissionParts) {}

  /**
   * Lets a request in, or refuses it before any work is done for it.
   *
   * @param bytes of its body, where they are announced
   * @throws AtollError overloaded
   */
  enter(kind: RequestKind, bytes = 0): Ticket {
    this.check(kind, bytes);
    this.requests += 1;
    this.bytes += bytes;
    let held = bytes;
    let isIn = true;
    let isArriving = kind === 'write';
    if (kind === 'write') {
      this.writes += 1;
      this.arriving += 1;
    }
    /** @returns whether it was on its way until now */
    const arrive = (): boolean => {
      if (!isArriving) return false;
      isArriving = false;
      this.arriving -= 1;
      return true;
    };
    return {
      charge: (more) => {
        if (!isIn) return;
        if (this.bytes + more > this.parts.limits.requestBytesMax) throw this.refusal('bytes');
        this.bytes += more;
        held += more;
      },
      arrived: () => {
        if (arrive()) this.sized();
      },
      leave: () => {
        if (!isIn) return;
        isIn = false;
        arrive();
        this.requests -= 1;
        this.bytes -= held;
        if (kind === 'write') this.writes -= 1;
      },
    };
  }

  /** Does the work of one command, if not too many are under way. @throws AtollError overloaded, and what the work throws */
  async command<T>(work: () => Promise<T>): Promise<T> {
    // What a process does by itself, or for whoever runs in it, is in no request.
    if (this.writes > 0) this.size.commands += 1;
    if (this.commands >= this.parts.limits.commandsMax) throw this.refusal('commands');
    this.commands += 1;
    try {
      return await work();
    } catch (error) {
      if (error instanceof AtollError && error.code === 'overloaded') this.count('commands');
      throw error;
    } finally {
      this.commands -= 1;
    }
  }

  /** What is under way now. */
  get underWay(): { readonly requests: number; readonly bytes: number; readonly commands: number } {
    const { requests, bytes, commands } = this;
    return { requests, bytes, commands };
  }

  private check(kind: RequestKind, bytes: number): void {
    const { limits, intake } = this.parts;
    const queueHasRoom = kind !== 'write' || intake.hasRoom(0, this.ahead());
    const noRoom = admit(kind, bytes, { requests: this.requests, bytes: this.bytes, queueHasRoom }, limits);
    if (noRoom !== undefined) throw this.refusal(noRoom);
  }

  /** About how many commands are in requests that were let in and whose bodies are on their way: by the size of those of late. */
  private ahead(): number {
    return (this.arriving * this.size.commands) / this.size.writes;
  }

  private sized(): void {
    const { size } = this;
    size.writes += 1;
    if (size.writes < sizeWritesMax) return;
    size.writes /= 2;
    size.commands /= 2;
  }

  private refusal(noRoom: NoRoom): AtollError {
    this.count(noRoom);
    return new AtollError('overloaded', details[noRoom]);
  }

  private count(reason: NoRoom): void {
    this.parts.telemetry.count('requests_refused_total', { reason });
  }
}

const details: Readonly<Record<NoRoom, string>> = {
  requests: 'This process works on as many requests as it may.',
  bytes: 'This process holds as many bytes of requests as it may.',
  commands: 'Too many commands wait in this process.',
};
