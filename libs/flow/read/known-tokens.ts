import type { SessionCursors } from '#core/consistency/session-token.js';
import { Generations } from '../generations.js';

/** Of a token and of what it stands for; measured roughly, for the limit only. */
const bytesPerToken = 200;
const bytesPerShard = 150;
const bytesPerCursor = 60;

interface Known {
  readonly session: SessionCursors;
  readonly bytes: number;
}

/**
 * Tokens that were checked or made here a moment ago, and what they stand for, within a limit in bytes (INV-15). A
 * client sends the same token until it is given another one: parsing it and checking its MAC costs more than most reads.
 */
export class KnownTokens {
  private readonly known: Generations<Known>;

  constructor(private readonly bytesMax: number) {
    this.known = new Generations(bytesMax, () => undefined);
  }

  get(token: string): SessionCursors | undefined {
    return this.known.get(token)?.session;
  }

  /** To be called with what surely is a token of this system only. */
  add(token: string, session: SessionCursors): void {
    const bytes = bytesOf(token, session);
    if (bytes <= this.bytesMax / 2) this.known.set(token, { session, bytes });
  }

  get bytes(): number {
    return this.known.bytes;
  }
}

function bytesOf(token: string, session: SessionCursors): number {
  let bytes = bytesPerToken + 2 * token.length;
  for (const vector of session.values()) bytes += bytesPerShard + vector.size * bytesPerCursor;
  return bytes;
}
