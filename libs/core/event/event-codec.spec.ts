import { expect, test } from 'vitest';
import { eventOf, vectorOf } from '#kit/laws/make-event.js';
import { hear, hybridCounterMax, tick } from '../causality/hybrid-timestamp.js';
import { decodeEvent, encodeEvent } from './event-codec.js';

const event = eventOf('us:2', { context: 'us:1', wallMillis: 1_000 });
const at = (counter: number): string => encodeEvent({ ...event, time: { ...event.time, counter } });

test('an event is read as it was written', () => {
  const dependencies = new Map([[10, vectorOf('eu:4')]]);
  expect(decodeEvent(encodeEvent({ ...event, dependencies }))).toEqual({ ...event, dependencies });
});

test('INV-14: a counter that no clock reaches is none', () => {
  expect(decodeEvent(at(hybridCounterMax + 1))).toBeUndefined();
  expect(decodeEvent(at(Number.MAX_SAFE_INTEGER))).toBeUndefined();
});

test('INV-14: whatever was heard, the next event can be read', () => {
  const heard = decodeEvent(at(hybridCounterMax));
  expect(heard?.time.counter).toBe(hybridCounterMax);
  if (!heard) return;
  const clock = tick(hear({ wallMillis: 900, counter: 0 }, heard.time, 1_000), 1_000);
  const own = { ...event, time: { ...clock, actor: event.dot.actor } };
  expect(decodeEvent(encodeEvent(own))).toEqual(own);
});

test('INV-14: dependencies name each shard once', () => {
  const text = encodeEvent({ ...event, dependencies: new Map([[1, vectorOf('eu:4')]]) });
  const twice = text.replace('"dependencies":{', '"dependencies":{"01":{"eu~1":9},');
  expect(twice).not.toBe(text);
  expect(decodeEvent(twice)).toBeUndefined();
  expect(decodeEvent(text.replace('"dependencies":{"1"', '"dependencies":{"0"'))?.dependencies?.has(0)).toBe(
    true,
  );
});
