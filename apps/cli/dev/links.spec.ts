import { describe, expect, it } from 'vitest';
import type { DevStack } from '#io/devstack/stack.js';
import { CommandFailed, exitCodes } from '../terminal/exit.js';
import { waysBetween } from './links.js';

const stack = {
  regions: [{ region: 'us' }, { region: 'eu' }],
  link: (from: string, to: string) => ({ from, to }),
} as unknown as DevStack;

describe('the ways between two regions', () => {
  it('are their two links, each in the direction that is meant', () => {
    const ways = waysBetween(stack, 'us', 'eu', { oneWay: true });
    expect(ways).toMatchObject([
      { control: { from: 'us', to: 'eu' }, direction: 'from-to' },
      { control: { from: 'eu', to: 'us' }, direction: 'to-from' },
    ]);
  });

  it.each([
    ['us', 'zz', 'there is no region zz, only us, eu'],
    ['zz', 'us', 'there is no region zz, only us, eu'],
    ['us', 'us', 'a link joins two regions'],
  ])('are no ways from %s to %s, which is a usage error', (from, to, sentence) => {
    const ask = (): unknown => waysBetween(stack, from, to);
    expect(ask).toThrow(sentence);
    expect(ask).toThrow(CommandFailed);
    expect(ask).toThrow(expect.objectContaining({ exitCode: exitCodes.usage }));
  });
});
