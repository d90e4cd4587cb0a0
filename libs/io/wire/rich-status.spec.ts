import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import { AtollErrorWithMembers, problemOf } from './problem.js';
import { richStatusOf } from './rich-status.js';

const text = (id: number) => ({ type: 'string', id });
const google = fromJSON({
  nested: {
    google: {
      nested: {
        rpc: {
          nested: {
            Status: {
              fields: {
                code: { type: 'int32', id: 1 },
                message: text(2),
                details: { rule: 'repeated', type: 'Packed', id: 3 },
              },
            },
            Packed: { fields: { typeUrl: text(1), value: { type: 'bytes', id: 2 } } },
            ErrorInfo: {
              fields: {
                reason: text(1),
                domain: text(2),
                metadata: { keyType: 'string', type: 'string', id: 3 },
              },
            },
            BadRequest: { fields: { fieldViolations: { rule: 'repeated', type: 'FieldViolation', id: 1 } } },
            FieldViolation: { fields: { field: text(1), description: text(2), reason: text(3) } },
          },
        },
      },
    },
  },
} as never);

function decode<T>(name: string, bytes: Buffer): T {
  return (google[`google.rpc.${name}`] as MessageTypeDefinition<object, object>).deserialize(bytes) as T;
}

interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeUrl: string; readonly value: Buffer }[];
}

const where = { requestId: 'r-1', region: 'us' };

describe('a rich status', () => {
  it('says over gRPC what the problem says over HTTP', () => {
    const field = { path: '/operations/0/value', code: 'invalid_value' as const, detail: 'Too long: "ü…"' };
    const problem = problemOf(
      new AtollError('invalid_value', 'A value is wrong.', { fields: [field] }),
      where,
    );
    const { code, message, details } = richStatusOf(problem);
    const status = decode<Status>('Status', details);
    expect({ code, message }).toEqual({ code: 3, message: 'A value is wrong.' });
    expect({ code: status.code, message: status.message }).toEqual({ code, message });
    expect(status.details.map(({ typeUrl }) => typeUrl)).toEqual([
      'type.googleapis.com/google.rpc.ErrorInfo',
      'type.googleapis.com/google.rpc.BadRequest',
    ]);
    expect(decode('ErrorInfo', status.details[0]!.value)).toEqual({
      reason: 'invalid_value',
      domain: 'atoll',
      metadata: { retryable: 'false', requestId: 'r-1', region: 'us', title: problem.title },
    });
    expect(decode('BadRequest', status.details[1]!.value)).toEqual({
      fieldViolations: [{ field: field.path, description: field.detail, reason: field.code }],
    });
  });

  it('carries what a code adds, and no empty list of field errors', () => {
    const error = new AtollErrorWithMembers('not_found', 'Never written.', {
      seen: { 'eu~1': 3 },
      session: 's',
    });
    const status = decode<Status>('Status', richStatusOf(problemOf(error, where)).details);
    expect(status.details).toHaveLength(1);
    expect(decode('ErrorInfo', status.details[0]!.value)).toMatchObject({
      metadata: { seen: '{"eu~1":3}', session: 's' },
    });
  });

  it('stays below what a gRPC client takes, however many fields are wrong', () => {
    const fields = Array.from({ length: 500 }, (_, at) => ({
      path: `/operations/${at}/value`,
      code: 'invalid_value' as const,
      detail: 'x'.repeat(200),
    }));
    const { details } = richStatusOf(problemOf(new AtollError('invalid_value', 'Many.', { fields }), where));
    expect(details.length).toBeLessThan(6_000);
  });
});
