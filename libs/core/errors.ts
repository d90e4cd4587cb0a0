/** Every public error code, once. HTTP status, gRPC status and the docs page are generated from the catalogue in io/wire. */
export type ErrorCode =
  | 'invalid_request'
  | 'unknown_type'
  | 'unknown_field'
  | 'unknown_operation'
  | 'invalid_value'
  | 'out_of_range'
  | 'observed_required'
  | 'precondition_failed'
  | 'not_one_partition'
  | 'duplicate_entity'
  | 'insufficient_rights'
  | 'not_yet_stable'
  | 'reservation_not_found'
  | 'reservation_elsewhere'
  | 'rights_lapsed'
  | 'rights_reclaimed'
  | 'born_elsewhere'
  | 'too_large'
  | 'too_deep'
  | 'not_found'
  | 'conflict_not_found'
  | 'write_not_found'
  | 'barrier_not_found'
  | 'mutation_reused'
  | 'mutation_expired'
  | 'invalid_mutation_id'
  | 'invalid_session'
  | 'not_covered_yet'
  | 'entity_quarantined'
  | 'too_stale'
  | 'read_elsewhere'
  | 'no_quorum'
  | 'acks_incomplete'
  | 'level_not_available'
  | 'acks_not_available'
  | 'owner_moved'
  | 'not_home'
  | 'type_moving'
  | 'no_majority'
  | 'overloaded'
  | 'deadline_exceeded'
  | 'unavailable'
  | 'clock_out_of_bounds'
  | 'unauthenticated'
  | 'permission_denied'
  | 'route_not_found'
  | 'internal';

export interface FieldError {
  /** JSON pointer into the request body, for example `/operations/3/value/name`. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly detail: string;
}

/** An operating error: expected to happen in production, with a closed set of codes. */
export class AtollError extends Error {
  override readonly name = 'AtollError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly fields: readonly FieldError[];

  constructor(
    code: ErrorCode,
    detail: string,
    options: { readonly fields?: readonly FieldError[]; readonly cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = retryableCodes.has(code);
    this.fields = options.fields ?? [];
  }
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'not_covered_yet',
  'too_stale',
  'no_quorum',
  'acks_incomplete',
  'not_yet_stable',
  'rights_lapsed',
  'owner_moved',
  'not_home',
  'type_moving',
  'no_majority',
  'overloaded',
  'deadline_exceeded',
  'unavailable',
  'clock_out_of_bounds',
]);
