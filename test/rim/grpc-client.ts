import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type Client,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromJSON, loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { atollLoaderOptions, atollProtoPaths } from '#region/grpc/grpc-server.js';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of any shape
type Any = any;

export interface GrpcAnswered {
  readonly message: Any;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the rich status of a failed call says, in the words of the HTTP problem. */
export interface GrpcProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly errors: readonly { readonly path: string; readonly code: string; readonly detail: string }[];
  /** Metadata that came with the status, where it is text. */
  readonly trailers: Readonly<Record<string, unknown>>;
}

const text = (id: number) => ({ type: 'string', id });
const google = fromJSON({
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
      fields: { reason: text(1), domain: text(2), metadata: { keyType: 'string', type: 'string', id: 3 } },
    },
    BadRequest: { fields: { fieldViolations: { rule: 'repeated', type: 'FieldViolation', id: 1 } } },
    FieldViolation: { fields: { field: text(1), description: text(2), reason: text(3) } },
  },
} as never);

function decode(name: string, bytes: Buffer): Any {
  return (google[name] as MessageTypeDefinition<object, object>).deserialize(bytes);
}

/** The problem that a failed call carries; rejects when it carries none. */
export function problemOfStatus(error: ServiceError): GrpcProblem {
  const [details] = error.metadata.get('grpc-status-details-bin');
  if (!(details instanceof Buffer))
    throw new Error(`expected a rich status, not ${error.message}`, { cause: error });
  const status = decode('Status', details);
  const part = (name: string): Any => {
    const found = status.details.find(
      ({ typeUrl }: Any) => typeUrl === `type.googleapis.com/google.rpc.${name}`,
    );
    return found === undefined ? undefined : decode(name, found.value);
  };
  const violations: readonly Any[] = part('BadRequest')?.fieldViolations ?? [];
  const { reason, metadata } = part('ErrorInfo');
  const errors = violations.map(({ field, description, reason: code }) => ({
    path: field,
    code,
    detail: description,
  }));
  const trailers = error.metadata.getMap();
  return { status: error.code, code: reason, detail: status.message, metadata, errors, trailers };
}

const callMillisMax = 20_000;

/** Calls a region over gRPC by the published contract, as any client would. */
export class GrpcAsker {
  private readonly client: Client & Readonly<Record<string, (...args: Any[]) => Any>>;
  private readonly reflection: Client & Readonly<Record<string, (...args: Any[]) => Any>>;
  readonly health: Client & Readonly<Record<string, (...args: Any[]) => Any>>;

  constructor(address: string) {
    const loaded: Any = loadPackageDefinition(loadSync(atollProtoPaths(), atollLoaderOptions));
    const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
    this.client = new loaded.atoll.v1.Atoll(address, credentials.createInsecure(), options);
    const reflected: Any = loadPackageDefinition(
      loadSync(reflectionProto(), { keepCase: false, oneofs: true }),
    );
    this.reflection = new reflected.grpc.reflection.v1.ServerReflection(
      address,
      credentials.createInsecure(),
    );
    this.health = new loaded.grpc.health.v1.Health(address, credentials.createInsecure());
  }

  call(
    method: string,
    request: object,
    headers: Readonly<Record<string, string>> = {},
    deadlineMillis = callMillisMax,
  ): Promise<GrpcAnswered> {
    return new Promise((resolve, reject) => {
      let metadata: Readonly<Record<string, string>> = {};
      const call = this.client[method]!(
        request,
        metadataOf(headers),
        { deadline: Date.now() + deadlineMillis },
        (error: ServiceError | null, message: Any) => {
          if (error) reject(error);
          else resolve({ message, metadata });
        },
      );
      call.on('metadata', (initial: Metadata) => (metadata = initial.getMap() as Record<string, string>));
    });
  }

  /** The problem that a call must fail with. */
  async refused(
    method: string,
    request: object,
    headers: Readonly<Record<string, string>> = {},
    deadlineMillis = callMillisMax,
  ): Promise<GrpcProblem> {
    try {
      await this.call(method, request, headers, deadlineMillis);
    } catch (error) {
      return problemOfStatus(error as ServiceError);
    }
    throw new Error(`${method} was not refused`);
  }

  stream(method: string, request: object): ClientReadableStream<Any> {
    return this.client[method]!(request, new Metadata());
  }

  /** The names of the services that reflection tells. */
  reflectedServices(): Promise<readonly string[]> {
    const stream = this.reflection.serverReflectionInfo!();
    return new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('data', ({ listServicesResponse }: Any) => {
        resolve(listServicesResponse.service.map(({ name }: { readonly name: string }) => name));
        stream.end();
      });
      stream.write({ listServices: '' });
    });
  }

  close(): void {
    this.reflection.close();
    this.client.close();
    this.health.close();
  }
}

function reflectionProto(): string {
  const main = createRequire(import.meta.url).resolve('@grpc/reflection');
  return join(dirname(main), '../proto/grpc/reflection/v1/reflection.proto');
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}
