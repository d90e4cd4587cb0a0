/** Whatever is kept here, with the bytes it is counted for. */
interface Sized {
  readonly bytes: number;
}

/**
 * A map within a limit in bytes, out of which the least recently used leave, roughly.
 *
 * In two halves: whatever is asked for or set moves to the young one, and when that is full it becomes the old one, and
 * what was left there leaves. So using an entry costs one look-up: to keep an exact order would cost a removal and an
 * insertion each time.
 */
export class Generations<T extends Sized> {
  private young = new Map<string, T>();
  private old = new Map<string, T>();
  private youngBytes = 0;
  private oldBytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly left: (key: string, entry: T) => void,
  ) {}

  get(key: string): T | undefined {
    const found = this.young.get(key);
    if (found) return found;
    const aged = this.old.get(key);
    if (aged) this.set(key, aged);
    return aged;
  }

  set(key: string, entry: T): void {
    const replaced = this.young.get(key);
    this.youngBytes += entry.bytes - (replaced?.bytes ?? 0);
    if (!replaced) this.deleteOld(key);
    this.young.set(key, entry);
    if (this.youngBytes > this.bytesMax / 2) this.age(key, entry);
  }

  /** Removes the entry and answers it. */
  take(key: string): T | undefined {
    const found = this.young.get(key) ?? this.old.get(key);
    if (found) this.delete(key);
    return found;
  }

  delete(key: string): void {
    const found = this.young.get(key);
    if (found) {
      this.young.delete(key);
      this.youngBytes -= found.bytes;
    } else this.deleteOld(key);
  }

  deleteWhere(matches: (entry: T) => boolean): void {
    for (const half of [this.young, this.old])
      for (const [key, entry] of half) if (matches(entry)) this.delete(key);
  }

  get bytes(): number {
    return this.youngBytes + this.oldBytes;
  }

  private deleteOld(key: string): void {
    const found = this.old.get(key);
    if (!found) return;
    this.old.delete(key);
    this.oldBytes -= found.bytes;
  }

  /** The newest entry begins the next young half. */
  private age(key: string, entry: T): void {
    const leaving = this.old;
    this.young.delete(key);
    this.old = this.young;
    this.oldBytes = this.youngBytes - entry.bytes;
    this.young = new Map([[key, entry]]);
    this.youngBytes = entry.bytes;
    for (const [gone, one] of leaving) this.left(gone, one);
  }
}
