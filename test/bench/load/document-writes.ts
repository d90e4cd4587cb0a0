import type { Command } from '#flow/service.js';
import { seeded } from './seeded.js';
import { zipf } from './zipf.js';

export interface WriteLoadOptions {
  readonly seed: number;
  readonly entities: number;
  readonly zipfExponent: number;
  readonly bodyBytes: number;
}

/** What all sides of the benches write: bodies of one size to entities of very different popularity. */
export const writeLoadDefault: Omit<WriteLoadOptions, 'seed'> = {
  entities: 100_000,
  zipfExponent: 0.99,
  bodyBytes: 256,
};

export interface WriteLoad {
  /** A rank, 0 the most popular. */
  nextEntity(): number;
  nextBody(): string;
  nextCommand(): Command;
}

/** Bodies are drawn from as many as this: making each anew would cost the generator more than it tells. */
const bodiesKept = 1024;
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789 ';

export function writeLoad({ seed, entities, zipfExponent, bodyBytes }: WriteLoadOptions): WriteLoad {
  const draw = seeded(seed);
  const nextEntity = zipf(entities, zipfExponent, draw);
  const text = (): string =>
    Array.from({ length: bodyBytes }, () => letters[Math.floor(draw() * letters.length)]).join('');
  const bodies = Array.from({ length: bodiesKept }, text);
  const nextBody = (): string => bodies[Math.floor(draw() * bodiesKept)] ?? '';
  return {
    nextEntity,
    nextBody,
    nextCommand: () => ({
      entity: { type: 'document', id: entityId(nextEntity()) },
      kind: 'update',
      operations: [{ field: 'body', op: 'set', value: nextBody() }],
    }),
  };
}

export function entityId(rank: number): string {
  return `document-${rank}`;
}
