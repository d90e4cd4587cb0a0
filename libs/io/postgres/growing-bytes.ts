/** Bytes to write one after the other into one piece of memory, which grows as needed and is used again and again. */
export class GrowingBytes {
  private memory: Buffer;
  private end = 0;

  constructor(bytes = 1024) {
    this.memory = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.end;
  }

  /** From now on what was written before is overwritten. */
  clear(): void {
    this.end = 0;
  }

  /** A view of what was written: true until it is cleared or grows. */
  written(): Buffer {
    return this.memory.subarray(0, this.end);
  }

  byte(value: number): void {
    this.room(1);
    this.memory[this.end++] = value;
  }

  int16(value: number): void {
    this.room(2);
    const { memory } = this;
    memory[this.end++] = value >> 8;
    memory[this.end++] = value;
  }

  int32(value: number): void {
    this.room(4);
    this.end = putInt32(this.memory, value, this.end);
  }

  /** A safe integer, in two's complement. */
  int64(value: number): void {
    this.int32(Math.floor(value / 0x1_0000_0000));
    this.int32(value | 0);
  }

  bytes(value: Uint8Array): void {
    this.room(value.length);
    this.memory.set(value, this.end);
    this.end += value.length;
  }

  /** Answers how many bytes the text took. */
  text(value: string, encoding: 'utf8' | 'hex'): number {
    this.room(encoding === 'hex' ? value.length / 2 : value.length * utf8BytesPerUnitMax);
    const bytes = this.memory.write(value, this.end, encoding);
    this.end += bytes;
    return bytes;
  }

  /** Leaves the room of an `int32` and answers where it is, to be filled in by `fillInt32`. */
  gap32(): number {
    this.int32(0);
    return this.end - 4;
  }

  fillInt32(at: number, value: number): void {
    putInt32(this.memory, value, at);
  }

  private room(bytes: number): void {
    const wanted = this.end + bytes;
    if (wanted <= this.memory.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.memory.length));
    larger.set(this.written());
    this.memory = larger;
  }
}

const utf8BytesPerUnitMax = 3;

function putInt32(memory: Buffer, value: number, at: number): number {
  memory[at] = value >> 24;
  memory[at + 1] = value >> 16;
  memory[at + 2] = value >> 8;
  memory[at + 3] = value;
  return at + 4;
}
