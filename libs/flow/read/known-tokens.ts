import type { SessionCursors } from '#core/consistency/session-token.js';

/** Of a token and of what it stands for; measured roughly, for the limit only. */
const bytesPerToken = 200;
const bytesPerShard = 150;
const bytesPerCursor = 60;

/**
 * Tokens that were checked or made here a moment ago, and what they stand for, within a limit in bytes (INV-15). A
 * client sends the same token until it is given another one: parsing it and checking its MAC costs more than most reads.
 *
 * In two halves, like the entity cache: what is not asked for while one half fills is forgotten.
 */
export class KnownTokens {
  private young = new Map<string, SessionCursors>();
  private old = new Map<string, SessionCursors>();
  private youngBytes = 0;
  private oldBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(token: string): SessionCursors | undefined {
    const found = this.young.get(token);
    if (found) return found;
    const aged = this.old.get(token);
    if (aged) this.add(token, aged);
    return aged;
  }

  /** To be called with what surely is a token of this system only. */
  add(token: string, session: SessionCursors): void {
    const bytes = bytesOf(token, session);
    if (bytes > this.bytesMax / 2 || this.young.has(token)) return;
    if (this.youngBytes + bytes > this.bytesMax / 2) {
      this.old = this.young;
      this.oldBytes = this.youngBytes;
      this.young = new Map();
      this.youngBytes = 0;
    }
    this.young.set(token, session);
    this.youngBytes += bytes;
  }

  get bytes(): number {
    return this.youngBytes + this.oldBytes;
  }
}

function bytesOf(token: string, session: SessionCursors): number {
  let bytes = bytesPerToken + 2 * token.length;
  for (const vector of session.values()) bytes += bytesPerShard + vector.size * bytesPerCursor;
  return bytes;
}
