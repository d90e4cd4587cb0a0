import { expect, test } from 'vitest';
import { multiValue } from '#core/merge/policies.js';
import { lawType } from '#kit/laws/make-event.js';
import { OpenConflicts } from './open-conflicts.js';

const type = lawType({ title: multiValue() });
const entity = { type: type.name, id: 'a' };

test('those who ask at once share a statement that was begun after they asked', async () => {
  const answers: ((ids: readonly string[]) => void)[] = [];
  const asked: (readonly string[])[] = [];
  const conflicts = new OpenConflicts({
    openConflicts: (_entity, fields) => {
      asked.push(fields);
      return new Promise((resolve) => answers.push(resolve));
    },
  });
  const first = conflicts.of(entity, type);
  const later = [conflicts.of(entity, type), conflicts.of(entity, type)];
  expect(asked).toEqual([['title']]);
  answers[0]?.(['b', 'a']);
  expect(await first).toEqual(['a', 'b']);
  await expect.poll(() => asked.length).toBe(2);
  answers[1]?.(['c']);
  expect(await Promise.all(later)).toEqual([['c'], ['c']]);
});

test('one entity waits for no other, and what failed is asked for again', async () => {
  let failing = true;
  const conflicts = new OpenConflicts({
    openConflicts: ({ id }) =>
      failing && id === 'a' ? Promise.reject(new Error('gone')) : Promise.resolve([id]),
  });
  const failed = conflicts.of(entity, type);
  expect(await conflicts.of({ ...entity, id: 'b' }, type)).toEqual(['b']);
  await expect(failed).rejects.toThrow('gone');
  failing = false;
  expect(await conflicts.of(entity, type)).toEqual(['a']);
});
