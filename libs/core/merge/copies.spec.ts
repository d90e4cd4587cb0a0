import { expect, test } from 'vitest';
import { formatDot } from '../causality/dot.js';
import { eventOf } from '#kit/laws/make-event.js';
import { commandKey, commandsOf, isBefore, knowledgeOf, copiesByDot, type Command } from './copies.js';

const bornIn = (region: string): string => `${region}.01900000-0000-7000-8000-000000000001`;

const namesOf = (commands: readonly Command[]): readonly string[] =>
  commands.map(({ copies }) => copies.map(({ dot }) => formatDot(dot, 0).replace('~1:0', '')).join(' '));

test('the copy minted in the birth region survives, whatever the dots say', () => {
  const mutation = bornIn('us');
  const copies = [
    eventOf('ap:1', { mutation }),
    eventOf('us:4', { mutation }),
    eventOf('eu:2', { mutation }),
  ];
  expect(namesOf(commandsOf(copies))).toEqual(['us:4 ap:1 eu:2']);
});

test('without a copy from the birth region, or without any birth region, the lowest dot survives', () => {
  for (const mutation of [bornIn('sa'), 'a bare key']) {
    const copies = [eventOf('us:1', { mutation }), eventOf('eu:9', { mutation })];
    expect(namesOf(commandsOf(copies))).toEqual(['eu:9 us:1']);
  }
});

test('events of one mutation with different group indexes are different commands', () => {
  const first = eventOf('us:1', { mutation: 'm', group: { index: 0, size: 2 } });
  const second = eventOf('us:2', { mutation: 'm', group: { index: 1, size: 2 }, context: 'us:1' });
  expect(commandsOf([second, first])).toHaveLength(2);
  expect(commandKey(first)).not.toBe(commandKey(eventOf('us:3', { mutation: '0/m' })));
});

test('an event given twice is one copy', () => {
  const event = eventOf('us:1');
  expect(namesOf(commandsOf([event, event]))).toEqual(['us:1']);
});

test('commands come in an order that puts what is before first', () => {
  const late = eventOf('us:2', { context: 'us:1 eu:5', wallMillis: 1 });
  const early = eventOf('us:1', { wallMillis: 9 });
  const other = eventOf('eu:5', { wallMillis: 5 });
  expect(namesOf(commandsOf([late, early, other]))).toEqual(['eu:5', 'us:1', 'us:2']);
});

test('two retried writes of which each copy saw only one of the other are concurrent, not before each other', () => {
  const x = { mutation: 'x' };
  const y = { mutation: 'y' };
  const commands = commandsOf([
    eventOf('us:1', x),
    eventOf('us:2', { ...y, context: 'us:1' }),
    eventOf('eu:1', y),
    eventOf('eu:2', { ...x, context: 'eu:1' }),
  ]);
  const [first, second] = commands as [Command, Command];
  expect(isBefore(first, second)).toBe(false);
  expect(isBefore(second, first)).toBe(false);
});

test('whoever knows any copy knows the command; a write knows what each of its copies knew', () => {
  const commands = commandsOf([
    eventOf('us:1', { mutation: 'x' }),
    eventOf('eu:1', { mutation: 'x' }),
    eventOf('ap:1'),
    eventOf('us:2', { mutation: 'y', context: 'us:1 ap:1' }),
    eventOf('eu:2', { mutation: 'y', context: 'eu:1' }),
  ]);
  const y = commands.find(({ survivor }) => survivor.mutation.id === 'y') as Command;
  expect(namesOf([y])).toEqual(['eu:2 us:2']);
  const known = knowledgeOf(y, copiesByDot(commands));
  const [x, alone] = [
    { actor: 'eu~1', seq: 1 },
    { actor: 'ap~1', seq: 1 },
  ];
  expect(known.covers(x)).toBe(true);
  expect(known.covers(alone)).toBe(false);
  expect(known.survivorCovers(alone)).toBe(false);
  expect(known.standsFor({ actor: 'us~1', seq: 2 })).toEqual({ actor: 'eu~1', seq: 2 });
  expect(known.standsFor(alone)).toBe(alone);
});

test('a change knows what earlier changes of its own event did', () => {
  const [command] = commandsOf([eventOf('us:3')]) as [Command];
  const known = knowledgeOf(command, new Map());
  expect(
    [known.covers, known.survivorCovers, known.observes].map((asks) => asks(command.survivor.dot)),
  ).toEqual([true, true, true]);
});
