import { expect, it } from 'vitest';
import { messageOf } from './message-of.js';

it('says what went wrong down to what caused it, once', () => {
  const refused = new Error('Authentication failed: Invalid username or password');
  const tried = new AggregateError(
    [new Error('Cannot connect.', { cause: refused }), refused],
    'tried twice.',
  );
  expect(messageOf(new Error('Listing topics failed.', { cause: tried }))).toBe(
    'Listing topics failed: tried twice: Cannot connect: Authentication failed: Invalid username or password',
  );
  expect(messageOf(new Error(`SASL: ${refused.message}`, { cause: refused }))).toBe(
    `SASL: ${refused.message}`,
  );
  expect(messageOf('a text')).toBe('a text');
});
