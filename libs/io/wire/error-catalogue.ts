import type { ErrorCode } from '#core/errors.js';
import type { ErrorEntry } from './error-entry.js';

/**
 * Every public error, once: the HTTP problem, the gRPC status and docs/reference/errors.md come from here, so that they
 * cannot disagree. Whether a code is retryable is core's to say (`AtollError.retryable`).
 */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = {
  invalid_request: {
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The request is malformed',
    meaning:
      'The body is not JSON, has a key that the operation does not know (a timestamp, for example: clients cannot supply one), lacks one that it needs, or a header or query parameter cannot be read. Nothing was done.',
    whatToDo: 'Correct what `errors` points at. Sending the same request again gives the same answer.',
  },
  unknown_type: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'No such entity type',
    meaning: 'The entity type is not declared in the configuration of this region.',
    whatToDo: 'Check the spelling, or deploy the configuration that declares the type to this region first.',
  },
  unknown_field: {
    httpStatus: 422,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'No such field',
    meaning:
      'An operation names a field that the entity type does not declare. The whole change was refused.',
    whatToDo: 'Check the spelling, or deploy the configuration that declares the field first.',
  },
  unknown_operation: {
    httpStatus: 422,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The field has no such operation',
    meaning:
      "An operation is not one of the merge policy's of its field, for example `set` on a counter, or PATCH on a field that is not a register. The whole change was refused.",
    whatToDo: 'Use an operation of that policy; the table of operations is in the API reference.',
  },
  invalid_value: {
    httpStatus: 422,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'A value does not fit its schema',
    meaning:
      'A value is not what the declared schema or the policy accepts, or a string holds U+0000 or a lone surrogate. The whole change was refused.',
    whatToDo: 'Correct the value at the path that `errors` gives.',
  },
  out_of_range: {
    httpStatus: 422,
    grpcStatus: 'OUT_OF_RANGE',
    title: 'A number is out of range',
    meaning:
      'An integer lies beyond ±(2^53−1), a number cannot be represented, or the result would leave the range. The whole change was refused.',
    whatToDo: 'Send a number within the range.',
  },
  observed_required: {
    httpStatus: 428,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The write must say what it had read',
    meaning:
      'The field holds siblings, and a write to it must say which of them its writer had read: else siblings would only multiply. The change was refused.',
    whatToDo:
      'Read the entity, let somebody decide, and write with `observed` set to the `ETag` of that read.',
  },
  precondition_failed: {
    httpStatus: 412,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'A precondition does not hold',
    meaning:
      "The version of the entity is not the one that `If-Match` names (for strong types: at its home, and `observed` counts too), or a policy's own precondition does not hold; or members of strong shards were to be changed where no type is strong. The change was refused.",
    whatToDo: 'Read the entity again, decide again, and write with the new `ETag`.',
  },
  not_one_partition: {
    httpStatus: 422,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The entities cannot be changed together',
    meaning:
      'An atomic change of several entities needs one place that decides all of it: types that are declared strong and declare a partition key, and entities that share it. `errors` points at the first that does not fit. Nothing was done.',
    whatToDo:
      'Give what changes together one partition key when it is designed; else change the entities one after another, and say what undoes the first.',
  },
  duplicate_entity: {
    httpStatus: 422,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'An entity is named twice',
    meaning: 'Two changes of one atomic change name the same entity. Nothing was done.',
    whatToDo: 'Put all operations on one entity into one change: they take effect in their order.',
  },
  insufficient_rights: {
    httpStatus: 409,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'This region may not use that many rights',
    meaning:
      'A bounded counter would need more rights than this region holds, and the other regions gave none within the wait that was allowed: they have none left, need them themselves, or are out of reach. `detail` says what is known of them. The whole change was refused.',
    whatToDo:
      'Where others still hold rights, try again, allow a longer `Atoll-Max-Wait`, or ask a region that holds some; where nobody does, it is used up.',
  },
  not_yet_stable: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'Not every region is known to have seen what this builds on',
    meaning:
      'A bounded counter begins anew only when every region has seen the delete before it, and settles a reservation that was made outside the birth region of its command only when every region has seen that. This was not known within the wait that was allowed. Nothing was done.',
    whatToDo: 'Try again. While a region is cut off, it stays so.',
  },
  reservation_not_found: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'No such open reservation',
    meaning:
      'The reservation was never made, is confirmed or cancelled already, has expired, or went with a delete of its entity. Nothing was done.',
    whatToDo:
      'If it has expired, undo what was done for it, and reserve again. A retry with the same mutation id as the first try gets the answer of the first try.',
  },
  reservation_elsewhere: {
    httpStatus: 421,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The reservation was made in another region',
    meaning:
      'Only the region that made a reservation decides what becomes of it: its id begins with the name of that region. Nothing was done.',
    whatToDo: 'Send the request to that region.',
  },
  rights_lapsed: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: "This region's rights to the counter have lapsed for now",
    meaning:
      'The counter is declared with a rights lease, and this region did not hear a majority of the regions within it; or rights to the counter are being reclaimed. `detail` says which. Where it says that the change is stored here, it may still take effect, or be left out when another region takes the rights over.',
    whatToDo:
      'Try again with the same mutation id, in the same region, or sell elsewhere under a new one once the first is known not to count.',
  },
  rights_reclaimed: {
    httpStatus: 409,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The change was left out: its rights had been taken over',
    meaning:
      'The first try of this command used rights that other regions took over while this one was cut off or said to be destroyed. Its change of the counter has no effect anywhere, and never will.',
    whatToDo: 'Read the entity, decide again, and write with a new mutation id.',
  },
  born_elsewhere: {
    httpStatus: 421,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The command was born in another region',
    meaning:
      'A bounded counter with a rights lease takes only commands whose mutation id was made for the region that decides them: another copy could be left out, and this one with it. Nothing was done.',
    whatToDo:
      'Send the command to the region that its mutation id names, or, when it is known to have had no effect there, as a new one.',
  },
  too_large: {
    httpStatus: 413,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The request is too large',
    meaning:
      'The body, the number of operations or changes, an id, or the headers are over their limit; `detail` names the limit. Nothing was done.',
    whatToDo: 'Split the work into several requests.',
  },
  too_deep: {
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The JSON nests too deeply',
    meaning: 'The body nests deeper than the limit. It was refused before it was parsed.',
    whatToDo: 'Flatten the value.',
  },
  not_found: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'The entity does not exist',
    meaning:
      'The entity was never written, or was deleted, as far as this region has seen. The answer carries `seen`, so that a reader can tell the two apart and wait for more.',
    whatToDo:
      'Create it by writing to it, or read with the session token of the write that you expect to see.',
  },
  conflict_not_found: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'No such conflict',
    meaning:
      'No conflict with this id is known in this region: it may not have arrived yet, or was withdrawn.',
    whatToDo: 'List the conflicts of the entity.',
  },
  write_not_found: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'No such write',
    meaning:
      'No write with this mutation id is stored in this region: it was never accepted, has not arrived here yet, or is older than the retention.',
    whatToDo: 'Ask the region that took the write, or send the write again with the same mutation id.',
  },
  barrier_not_found: {
    httpStatus: 404,
    grpcStatus: 'NOT_FOUND',
    title: 'No such barrier',
    meaning: 'The token is not one that POST /v1/barriers gave.',
    whatToDo: 'Make a new barrier.',
  },
  mutation_reused: {
    httpStatus: 422,
    grpcStatus: 'ALREADY_EXISTS',
    title: 'The mutation id was used for another command',
    meaning:
      'A command with this mutation id (`Idempotency-Key`) but other content is stored already. This command was not executed.',
    whatToDo:
      'Use a new mutation id for a new command, and the same one only for retries of the same command.',
  },
  mutation_expired: {
    httpStatus: 410,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The mutation id is too old',
    meaning:
      'The mutation id was born longer ago than mutation ids are kept, so nobody can tell whether the command was executed before. It was not executed now.',
    whatToDo:
      'Read the entity to see whether the first try took effect; if not, send the command with a new mutation id.',
  },
  invalid_mutation_id: {
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The mutation id is malformed',
    meaning:
      'A mutation id is 1 to 200 printable ASCII characters without spaces, best `region.uuidv7`; one of that form must not be from the future.',
    whatToDo: 'Send `<region>.<uuid version 7>`, or leave the id out: the region then makes one.',
  },
  invalid_session: {
    httpStatus: 400,
    grpcStatus: 'INVALID_ARGUMENT',
    title: 'The session token is not ours',
    meaning:
      'The session token is malformed, was altered, or was made by somebody who is not a member of this system.',
    whatToDo: 'Send the token exactly as the last answer gave it, or none to start a new session.',
  },
  not_covered_yet: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'This region has not caught up with the session yet',
    meaning:
      'The request depends, by its session token or by `observed`, on events that did not arrive here within the wait that was allowed. Nothing was done.',
    whatToDo: 'Try again, allow a longer `Atoll-Max-Wait`, or ask the region that gave the token.',
  },
  entity_quarantined: {
    httpStatus: 423,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'The entity is in quarantine',
    meaning:
      'An event of this entity is stored but cannot be folded, and the request depends on it, or would write beyond it. Other entities are not affected.',
    whatToDo:
      'An operator looks up the reason in GET /v1/admin/quarantine and fixes the cause (deploys the type, the field or the policy that is missing here, or makes the policies of the regions agree), then restarts the processes of the region. What is parked is judged again when its shard changes its owner or a process starts, and without that once the policies of a link agree. Reads at level `eventual` go on, with a flag.',
  },
  too_stale: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'This region is staler than was allowed',
    meaning:
      'A read asked for `bounded` staleness, and what comes from some region may be older here than that: because `else=refuse` was given, because `else=redirect` found no region that is fresh enough, or because what was missing did not arrive within the wait that was allowed. `stalenessMs` says how old a read would have been.',
    whatToDo:
      'Try again, allow more, ask another region, or read at level `eventual` and look at the staleness of the answer.',
  },
  read_elsewhere: {
    httpStatus: 421,
    grpcStatus: 'FAILED_PRECONDITION',
    title: 'Another region is fresh enough',
    meaning:
      'A read asked for `bounded` staleness with `else=redirect`. This region is staler than that; those in `regions` have just said that they are not.',
    whatToDo: 'Send the same read to one of `regions`.',
  },
  no_quorum: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'Too few regions answer',
    meaning:
      'A read at level `quorum` needs to hear from a majority of the regions what they store, and did not within the wait that was allowed.',
    whatToDo: 'Try again, allow a longer `Atoll-Max-Wait`, or ask a region on the side of the majority.',
  },
  acks_incomplete: {
    httpStatus: 504,
    grpcStatus: 'DEADLINE_EXCEEDED',
    title: 'The write is stored, but not in as many regions yet as it asked for',
    meaning:
      'The write took effect and is durable in its region; `confirmed` lists the other regions that are known to store it, `unconfirmed` those that are not yet. They will get it unless its region is lost first.',
    whatToDo: 'Send it again with the same mutation id to go on waiting: it is executed at most once.',
  },
  level_not_available: {
    httpStatus: 501,
    grpcStatus: 'UNIMPLEMENTED',
    title: 'This consistency level is not available',
    meaning:
      'The level in `Atoll-Consistency` is one that this version, or this operation, does not offer. A weaker one is never taken in its place.',
    whatToDo: 'Use a level that the reference of the operation names.',
  },
  acks_not_available: {
    httpStatus: 501,
    grpcStatus: 'UNIMPLEMENTED',
    title: 'This number of acknowledgements is not available',
    meaning:
      'The operation does not take `Atoll-Acks`, or there are not as many other regions as it asks for. Nothing was done.',
    whatToDo: 'Use `local`, or an operation that writes.',
  },
  owner_moved: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'The shard is changing hands',
    meaning: 'The process that owned the shard of this entity has just lost it or given it up.',
    whatToDo: 'Try again with the same mutation id.',
  },
  not_home: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'No home serves the shard at the moment',
    meaning:
      'A strong operation found no region that serves as the home of its shard within the wait that was allowed: one is being chosen, handed over to, or cannot be reached. Nothing was done.',
    whatToDo: 'Try again with the same mutation id, or allow a longer `Atoll-Max-Wait`.',
  },
  type_moving: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'The type is being moved between strong and eventual',
    meaning:
      'The entity type is on its way from one to the other in the shard of this entity, and that was not over within the wait that was allowed. Reads at other levels than `strong` are served. This try was not executed; an earlier one with the same mutation id may have been.',
    whatToDo:
      'Try again with the same mutation id, or allow a longer `Atoll-Max-Wait`. `atoll type status` says which regions are waited for; a move to strong can be aborted.',
  },
  no_majority: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'No majority of regions can be reached',
    meaning:
      'The home of the shard, or whoever should become it, does not hear a majority of the regions, so nothing strong can be decided or read. Nothing was done.',
    whatToDo:
      'Try again with the same mutation id once the regions hear each other, or ask for a level that this cut can keep.',
  },
  overloaded: {
    httpStatus: 429,
    grpcStatus: 'RESOURCE_EXHAUSTED',
    title: 'The region takes no more at the moment',
    meaning: 'A queue has reached its limit. The request was refused before anything was done.',
    whatToDo: 'Try again with the same mutation id, after a growing, random pause.',
  },
  deadline_exceeded: {
    httpStatus: 504,
    grpcStatus: 'DEADLINE_EXCEEDED',
    title: 'The answer did not come in time',
    meaning: 'The wait that was allowed is over. Whether a write took effect is unknown.',
    whatToDo: 'Try again with the same mutation id: the command is executed at most once.',
  },
  unavailable: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'The region cannot serve at the moment',
    meaning:
      'The database of the region is out of reach, the service is starting or stopping, or a process of it, or the home of a strong entity, did not answer and may still carry the write out.',
    whatToDo: 'Try again with the same mutation id, here or in another region.',
  },
  clock_out_of_bounds: {
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
    title: 'The clock of the region cannot be trusted',
    meaning:
      "The wall clock of the process that owns the entity's shard is further than the bound from those of its database and of the other regions. Nothing was stored: other regions would hold back what it stamps.",
    whatToDo:
      'Write in another region, or try again with the same mutation id: writes are taken as soon as the clocks agree. An operator sets the clock; `atoll status` says against whom it is off and by how much.',
  },
  unauthenticated: {
    httpStatus: 401,
    grpcStatus: 'UNAUTHENTICATED',
    title: 'Authentication is required',
    meaning: 'The request has no bearer token, or one that is not known here.',
    whatToDo: 'Send `Authorization: Bearer <token>` with a token of this region.',
  },
  permission_denied: {
    httpStatus: 403,
    grpcStatus: 'PERMISSION_DENIED',
    title: 'The token does not allow this',
    meaning: 'The token is known, but its role does not include this operation (`read` ⊂ `write` ⊂ `admin`).',
    whatToDo: 'Use a token with the role that `detail` names.',
  },
  route_not_found: {
    httpStatus: 404,
    grpcStatus: 'UNIMPLEMENTED',
    title: 'No such route',
    meaning: 'The service has no such method and path.',
    whatToDo: 'See /docs or /openapi.json.',
  },
  internal: {
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    title: 'An error inside the service',
    meaning: 'Something happened that must not. The log has the details under the `requestId`.',
    whatToDo: 'Report it with the `requestId`. A write can be tried again with the same mutation id.',
  },
};
