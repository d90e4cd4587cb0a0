import { expect, test } from 'vitest';
import { AtollError } from '#core/errors.js';
import type { Telemetry } from '../ports/telemetry.js';
import { countOutcome } from './command-outcomes.js';

function counted(command: Promise<{ readonly replayed: boolean }>): Promise<unknown> {
  return new Promise((resolve) => {
    const telemetry = { count: (_name, labels) => resolve(labels) } as Partial<Telemetry> as Telemetry;
    countOutcome(command, 'cart', telemetry).catch(() => undefined);
  });
}

test('a command is counted by what became of it', async () => {
  expect(await counted(Promise.resolve({ replayed: false }))).toEqual({
    type: 'cart',
    outcome: 'executed',
    code: '',
  });
  expect(await counted(Promise.resolve({ replayed: true }))).toEqual({
    type: 'cart',
    outcome: 'replayed',
    code: '',
  });
  const refused = Promise.reject(new AtollError('overloaded', 'too many'));
  expect(await counted(refused)).toEqual({ type: 'cart', outcome: 'failed', code: 'overloaded' });
  expect(await counted(Promise.reject(new Error('a bug')))).toMatchObject({ code: 'internal' });
});
