import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';

/** One change of a batch, as `atoll.v1.BatchChange` has it. */
export interface ChangeMessage {
  readonly type: string;
  readonly id: string;
  readonly operations: readonly {
    readonly field: string;
    readonly op: string;
    readonly argumentsJson: string;
  }[];
}

/** What became of one change: its dot, or the code of the error that refused it. */
export type ChangeOutcome = { readonly dot: string } | { readonly refused: string };

export interface BatchChannel {
  /** One call of the public batch RPC; never rejects: what fails the call is the refusal of each of its changes. */
  batch(changes: readonly ChangeMessage[]): Promise<readonly ChangeOutcome[]>;
  close(): void;
}

interface OutcomesMessage {
  readonly outcomes: readonly {
    readonly ok: boolean;
    readonly write?: { readonly dot: string } | null;
    readonly error?: { readonly code: string } | null;
  }[];
}

interface StatusMessage {
  readonly details: readonly { readonly value: { readonly reason: string } }[];
}

const text = (id: number) => ({ type: 'string', id });
const list = (type: string, id: number) => ({ rule: 'repeated', type, id });

/**
 * The messages of `atoll.v1.Atoll/Batch` and of a rich status, with the fields alone that a load generator sends and
 * reads: decoding tokens and vectors that nobody looks at would take time from what is measured. Other fields are skipped.
 */
const messages = fromJSON({
  nested: {
    Operation: { fields: { field: text(1), op: text(2), argumentsJson: text(3) } },
    Change: { fields: { type: text(1), id: text(2), operations: list('Operation', 4) } },
    Request: { fields: { changes: list('Change', 1) } },
    Write: { fields: { dot: text(4) } },
    Problem: { fields: { code: text(4) } },
    Outcome: {
      fields: {
        ok: { type: 'bool', id: 1 },
        write: { type: 'Write', id: 2 },
        error: { type: 'Problem', id: 3 },
      },
    },
    Outcomes: { fields: { outcomes: list('Outcome', 1) } },
    ErrorInfo: { fields: { reason: text(1) } },
    Any: { fields: { value: { type: 'ErrorInfo', id: 2 } } },
    Status: { fields: { details: list('Any', 3) } },
  },
} as never);

function message<Message extends object>(name: string): MessageTypeDefinition<Message, Message> {
  return messages[name] as unknown as MessageTypeDefinition<Message, Message>;
}

const path = '/atoll.v1.Atoll/Batch';

/** A region answers within its wait of 5 s and a grace of 2 s; what has no answer by then counts as one without a code. */
const answerMillisMax = 10_000;

/**
 * Of answers that may be on their way. Those of hundreds of writes a turn would wait in the server for turns of this process with
 * the 64 KiB of gRPC's default; with megabytes, which the sockets of one machine do not hold, both ends can come to wait for each
 * other (see `receive-windows`).
 */
const answerWindowBytes = 256 * 1024;

/** @param address `host:port` of a region's gRPC */
export function openBatchChannel(address: string): BatchChannel {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc-node.flow_control_window': answerWindowBytes,
  });
  const { serialize } = message<{ readonly changes: readonly ChangeMessage[] }>('Request');
  const { deserialize } = message<OutcomesMessage>('Outcomes');
  return {
    batch: (changes) =>
      new Promise((resolve) => {
        client.makeUnaryRequest(
          path,
          serialize,
          deserialize,
          { changes },
          new Metadata(),
          { deadline: Date.now() + answerMillisMax },
          (error, answer) => {
            if (error !== null || answer === undefined) {
              const refused = error === null ? 'no answer' : codeOf(error);
              return resolve(changes.map(() => ({ refused })));
            }
            resolve(
              answer.outcomes.map(({ ok, write, error: problem }) =>
                ok ? { dot: write?.dot ?? '' } : { refused: problem?.code ?? 'untyped' },
              ),
            );
          },
        );
      }),
    close: () => client.close(),
  };
}

/** The reason in the first detail of the rich status; a call without one failed below the service. */
function codeOf({ metadata, code }: ServiceError): string {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Buffer)) return `untyped, gRPC status ${code}`;
  const { details } = message<StatusMessage>('Status').deserialize(bytes);
  return details[0]?.value.reason ?? 'untyped';
}
