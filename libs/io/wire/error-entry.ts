/** gRPC's status codes by name, as far as we answer them. The numbers are gRPC's. */
export const grpcStatusNumbers = {
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcStatusName = keyof typeof grpcStatusNumbers;

/** What one public error code is, on either surface and to a reader. */
export interface ErrorEntry {
  readonly httpStatus: number;
  readonly grpcStatus: GrpcStatusName;
  /** RFC 9457 `title`: short, the same for every occurrence. */
  readonly title: string;
  /** When it is answered, and what has (not) happened. */
  readonly meaning: string;
  readonly whatToDo: string;
}
