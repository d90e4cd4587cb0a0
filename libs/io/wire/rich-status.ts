import type { Problem } from './problem.js';
import { errorCatalogue } from './error-catalogue.js';
import { grpcStatusNumbers } from './error-entry.js';

/** The metadata key under which gRPC carries a serialized `google.rpc.Status`. */
export const statusDetailsKey = 'grpc-status-details-bin';

export const errorDomain = 'atoll';

export interface RichStatus {
  /** gRPC status number. */
  readonly code: number;
  readonly message: string;
  /** Serialized `google.rpc.Status`. */
  readonly details: Buffer;
}

/** gRPC clients cap the headers and trailers of a call at 8 KiB by default: field errors beyond that are left out. */
const violationsBytesMax = 3_000;

/** The gRPC twin of an HTTP problem: ErrorInfo (code, retryable, request id, region) and BadRequest (field errors). */
export function richStatusOf(problem: Problem): RichStatus {
  const code = grpcStatusNumbers[errorCatalogue[problem.code].grpcStatus];
  const details = [any('google.rpc.ErrorInfo', errorInfo(problem))];
  if (problem.errors.length > 0) details.push(any('google.rpc.BadRequest', badRequest(problem)));
  const status = Buffer.concat([
    varintField(1, code),
    textField(2, problem.detail),
    ...details.map((detail) => bytesField(3, detail)),
  ]);
  return { code, message: problem.detail, details: status };
}

/** google.rpc.ErrorInfo { reason = 1; domain = 2; map<string, string> metadata = 3 } */
function errorInfo(problem: Problem): Buffer {
  const {
    type: _type,
    title,
    status: _status,
    code,
    detail: _detail,
    retryable,
    requestId,
    region,
    errors: _errors,
    ...members
  } = problem;
  const metadata: Record<string, string> = { retryable: String(retryable), requestId, region, title };
  for (const [name, value] of Object.entries(members)) {
    metadata[name] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return Buffer.concat([
    textField(1, code),
    textField(2, errorDomain),
    ...Object.entries(metadata).map(([key, value]) =>
      bytesField(3, Buffer.concat([textField(1, key), textField(2, value)])),
    ),
  ]);
}

/** google.rpc.BadRequest { repeated FieldViolation { field = 1; description = 2; reason = 3 } field_violations = 1 } */
function badRequest({ errors }: Problem): Buffer {
  const violations: Buffer[] = [];
  let bytes = 0;
  for (const { path, code, detail } of errors) {
    const violation = bytesField(
      1,
      Buffer.concat([textField(1, path), textField(2, detail), textField(3, code)]),
    );
    bytes += violation.length;
    if (bytes > violationsBytesMax) break;
    violations.push(violation);
  }
  return Buffer.concat(violations);
}

/** google.protobuf.Any { type_url = 1; value = 2 } */
function any(typeName: string, value: Buffer): Buffer {
  return Buffer.concat([textField(1, `type.googleapis.com/${typeName}`), bytesField(2, value)]);
}

function textField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text, 'utf8'));
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
