import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import { formatETag } from '#io/wire/etag.js';
import { readCall, refuseUntaken } from './call.js';

function call(headers: Readonly<Record<string, string>> = {}, remainingMillis?: number) {
  const names = Object.keys(headers);
  return readCall({ requestId: 'r', names, header: (name) => headers[name], remainingMillis });
}

function codeOf(headers: Readonly<Record<string, string>>): string {
  try {
    call(headers);
  } catch (error) {
    if (error instanceof AtollError) return error.code;
  }
  throw new Error('was not refused');
}

describe('the headers of a call', () => {
  it('may all be absent', () => {
    expect(call()).toMatchObject({
      level: { kind: 'eventual' },
      acks: undefined,
      maxWaitMillis: 4_980,
      mutationId: undefined,
    });
  });

  it('mean the level session where a session token comes without a level', () => {
    expect(call({ 'atoll-session': 't' })).toMatchObject({ level: { kind: 'session' }, session: 't' });
    expect(call({ 'atoll-session': 't', 'atoll-consistency': 'eventual' }).level.kind).toBe('eventual');
    expect(call({ 'atoll-session': 't', 'atoll-consistency': 'causal' }).level.kind).toBe('causal');
  });

  it('carry an ETag, a mutation id, a wait and a trace', () => {
    const seen = new Map([['eu~1', 7]]);
    const mutationId = 'us.019a0000-0000-7000-8000-000000000000';
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(
      call({
        'if-match': formatETag(seen),
        'idempotency-key': mutationId,
        'atoll-max-wait': '250',
        traceparent,
      }),
    ).toMatchObject({ ifMatch: seen, mutationId, maxWaitMillis: 230, trace: traceparent });
  });

  it('are refused under a name that nobody knows, for a promise would be lost with it', () => {
    for (const name of ['atoll-consistancy', 'atoll-ack', 'atoll-timestamp', 'atoll-'])
      expect(codeOf({ [name]: 'all' })).toBe('invalid_request');
    expect(call({ 'atoll-region': 'us', 'atoll-request-id': 'r', 'x-atoll': '1' }).level.kind).toBe(
      'eventual',
    );
  });

  it('wait no longer than the deadline of the transport', () => {
    expect(call({ 'atoll-max-wait': '250' }, 100).maxWaitMillis).toBe(100);
    expect(call({}, -5).maxWaitMillis).toBe(0);
  });

  it.each([
    ['bounded', 'invalid_request'],
    ['bounded;max=soon', 'invalid_request'],
    ['Session', 'invalid_request'],
    ['', 'invalid_request'],
  ])('with Atoll-Consistency %j are refused: %s', (level, code) => {
    expect(codeOf({ 'atoll-consistency': level })).toBe(code);
  });

  it.each([
    ['2', 'invalid_request'],
    ['', 'invalid_request'],
  ])('with Atoll-Acks %j are refused: %s', (acks, code) => {
    expect(codeOf({ 'atoll-acks': acks })).toBe(code);
  });

  it.each([
    [{ 'atoll-max-wait': '-1' }, 'invalid_request'],
    [{ 'atoll-max-wait': '1e3' }, 'invalid_request'],
    [{ 'atoll-max-wait': '30001' }, 'invalid_request'],
    [{ 'if-match': '*' }, 'invalid_request'],
    [{ 'if-match': 'W/"LQ"' }, 'invalid_request'],
    [{ 'if-match': '"nonsense"' }, 'invalid_request'],
    [{ 'if-none-match': '*' }, 'invalid_request'],
    [{ 'idempotency-key': '' }, 'invalid_mutation_id'],
    [{ 'idempotency-key': 'a b' }, 'invalid_mutation_id'],
    [{ 'idempotency-key': 'ü' }, 'invalid_mutation_id'],
    [{ 'idempotency-key': 'x'.repeat(201) }, 'invalid_mutation_id'],
    [{ 'atoll-session': 'x'.repeat(60_000) }, 'invalid_session'],
  ])('%j are refused: %s', (headers, code) => {
    expect(codeOf(headers as Record<string, string>)).toBe(code);
  });

  it('are refused by an operation that would ignore what they ask for', () => {
    const quorum = call({ 'atoll-consistency': 'quorum' });
    const bounded = call({ 'atoll-consistency': 'bounded;max=1ms' });
    for (const asked of [quorum, bounded]) {
      expect(() => refuseUntaken(asked, { level: false, acks: true })).toThrow('does not read at level');
      refuseUntaken(asked, { level: true, acks: false });
    }
    const causal = call({ 'atoll-consistency': 'causal' });
    expect(() => refuseUntaken(causal, { level: false, acks: false })).toThrow('does not read at level');
    refuseUntaken(causal, { level: true, acks: false });
    refuseUntaken(causal, { level: false, acks: true });
    const majority = call({ 'atoll-acks': 'majority' });
    expect(() => refuseUntaken(majority, { level: true, acks: false })).toThrow('stores nothing');
    refuseUntaken(majority, { level: false, acks: true });
    refuseUntaken(call({ 'atoll-session': 't', 'atoll-acks': 'local' }), { level: false, acks: false });
  });

  it('ignore a malformed traceparent', () => {
    expect(call({ traceparent: 'nonsense' }).trace).toBeUndefined();
  });
});
