import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { Admission } from './admission.js';

const limits = { requestsMax: 2, requestBytesMax: 100, commandsMax: 1 };

function door({ hasRoom = true } = {}) {
  const telemetry = new MemoryTelemetry();
  return { telemetry, admission: new Admission({ limits, telemetry, intake: { hasRoom: () => hasRoom } }) };
}

const overloaded = expect.objectContaining({ code: 'overloaded', retryable: true });

describe('the door', () => {
  it('refuses what is too much with a typed error, counts it, and lets in again once something left', () => {
    const { admission, telemetry } = door();
    const first = admission.enter('read');
    admission.enter('write');
    expect(() => admission.enter('read')).toThrow(overloaded);
    expect(telemetry.counts.get('requests_refused_total')).toBe(1);
    first.leave();
    first.leave();
    admission.enter('read');
    expect(admission.underWay.requests).toBe(2);
    expect(() => admission.enter('read')).toThrow(overloaded);
  });

  it('holds the bytes of a body as they come, and no more of all bodies together than it may', () => {
    const { admission } = door();
    const announced = admission.enter('write', 60);
    const streamed = admission.enter('write');
    streamed.charge(40);
    expect(() => streamed.charge(1)).toThrow(overloaded);
    expect(admission.underWay.bytes).toBe(100);
    announced.leave();
    expect(admission.underWay.bytes).toBe(40);
    streamed.leave();
    streamed.charge(1_000);
    expect(admission.underWay).toEqual({ requests: 0, bytes: 0, commands: 0 });
  });

  it('refuses writes while no command could be queued, and lets reads in', () => {
    const { admission } = door({ hasRoom: false });
    expect(() => admission.enter('write')).toThrow(overloaded);
    admission.enter('read');
  });

  it('counts what is in those that were let in, by the size that they had of late', async () => {
    const asked: number[] = [];
    const intake = { hasRoom: (_bytes?: number, ahead = 0) => asked.push(Math.round(ahead / 10) * 10) > 0 };
    const many = { requestsMax: 1_000, requestBytesMax: 100, commandsMax: 1_000 };
    const admission = new Admission({ limits: many, telemetry: new MemoryTelemetry(), intake });
    for (let at = 0; at < 1_000; at += 1) {
      const ticket = admission.enter('write');
      ticket.arrived();
      ticket.arrived();
      await Promise.all(Array.from({ length: 50 }, () => admission.command(() => Promise.resolve())));
      ticket.leave();
    }
    const [first, second] = [0, 1, 2].map(() => admission.enter('write'));
    expect(asked.slice(-3)).toEqual([0, 50, 100]);
    first!.arrived();
    second!.leave();
    second!.arrived();
    admission.enter('write');
    expect(asked.at(-1)).toBe(50);
  });

  it('takes what a process does by itself for no part of a request', async () => {
    const asked: number[] = [];
    const intake = { hasRoom: (_bytes?: number, ahead = 0) => asked.push(ahead) > 0 };
    const many = { requestsMax: 10, requestBytesMax: 100, commandsMax: 10 };
    const admission = new Admission({ limits: many, telemetry: new MemoryTelemetry(), intake });
    for (let at = 0; at < 10_000; at += 1) await admission.command(() => Promise.resolve());
    for (let at = 0; at < 3; at += 1) admission.enter('write');
    expect(asked).toEqual([0, 1, 2]);
  });

  it('lets no more commands wait than it may, whatever they wait for, and forgets those that failed', async () => {
    const { admission, telemetry } = door();
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = admission.command(() => promise);
    await expect(admission.command(() => Promise.resolve(1))).rejects.toEqual(overloaded);
    reject(new AtollError('overloaded', 'the queue is full'));
    await expect(waiting).rejects.toEqual(overloaded);
    expect(telemetry.counts.get('requests_refused_total')).toBe(2);
    await expect(admission.command(() => Promise.resolve(1))).resolves.toBe(1);
  });
});
