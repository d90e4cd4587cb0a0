import type { Links, Passage } from '../memory/links.js';
import type { SeededRandom } from './seeded-random.js';

/** The network of a simulated world: delays with jitter, cuts per direction, messages that vanish. */
export class SimLinks implements Links {
  private readonly cuts = new Set<string>();
  private readonly extraMillis = new Map<string, number>();
  lossProbability = 0;

  constructor(private readonly random: SeededRandom) {}

  passage(from: string, to: string): Passage {
    if (from === to) return { kind: 'arrives', afterMillis: this.random.fraction() };
    if (this.cuts.has(`${from}>${to}`)) return { kind: 'lost' };
    if (this.random.chance(this.lossProbability)) return { kind: 'lost' };
    const extra = this.extraMillis.get(`${from}>${to}`) ?? 0;
    return { kind: 'arrives', afterMillis: 5 + this.random.fraction() * 25 + extra };
  }

  cut(from: string, to: string): void {
    this.cuts.add(`${from}>${to}`);
  }

  slow(from: string, to: string, millis: number): void {
    this.extraMillis.set(`${from}>${to}`, millis);
  }

  heal(from: string, to: string): void {
    this.cuts.delete(`${from}>${to}`);
    this.extraMillis.delete(`${from}>${to}`);
  }

  healAll(): void {
    this.cuts.clear();
    this.extraMillis.clear();
    this.lossProbability = 0;
  }
}
