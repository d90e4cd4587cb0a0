import { formatDot } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import { AcksIncomplete, type CommandPart, type FieldOperation, type WriteOutcome } from '#flow/service.js';
import type { TransactionAnswer } from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import type { TransactionChange } from '#io/http/requests.js';
import { AtollErrorWithMembers } from '#io/wire/problem.js';
import { encodeVersion, readVersion, toldEpoch, vectorObject, type Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';
import { commandOfCall, given, needsOperations } from './writes.js';

/** Station 1: one command on several entities, all or nothing. */
export function transactionOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    async transact(call: Call, changes: readonly TransactionChange[]): Promise<Answer<TransactionAnswer>> {
      if (call.ifMatch !== undefined)
        throw new AtollError('invalid_request', 'Give each change its ifMatch: there are several entities.');
      const [first, ...also] = changes.map((change, at) => partOf(change, `/changes/${at}`));
      if (first === undefined) throw new AtollError('invalid_request', 'There is nothing to change.');
      const { maxWaitMillis, acks } = call;
      const command = { ...first, also, ...commandOfCall(call) };
      const outcome = await service
        .submit(command, { maxWaitMillis, acks })
        .catch((error: unknown) => incomplete(error, changes));
      const { mutationId, replayed, confirmed, session } = outcome;
      const done = { mutationId, changes: changed(outcome, changes), replayed, confirmed: [...confirmed] };
      return { body: { ...done, ...toldEpoch(outcome), region, session }, session };
    },
  };
}

function partOf({ type, id, kind, ...change }: TransactionChange, path: string): CommandPart {
  const observed = readVersion(change.observed, `${path}/observed`);
  const ifMatch = readVersion(change.ifMatch, `${path}/ifMatch`);
  const operations = change.operations as readonly FieldOperation[];
  if (kind === 'update' && operations.length === 0) throw needsOperations(`${path}/operations`);
  return { entity: { type, id }, kind, operations, ...given({ observed, ifMatch }) };
}

function changed(outcome: WriteOutcome, changes: readonly TransactionChange[]): TransactionAnswer['changes'] {
  const parts = [outcome, ...(outcome.also ?? [])];
  return parts.flatMap(({ dot, seen }, at) => {
    const change = changes[at];
    if (!change) return [];
    const { type, id } = change;
    const version = encodeVersion(seen);
    return [{ type, id, dot: formatDot(dot, outcome.shard), version, seen: vectorObject(seen) }];
  });
}

/** What is known of a change that is stored, but not in as many regions as it asked for. */
function incomplete(error: unknown, changes: readonly TransactionChange[]): never {
  if (!(error instanceof AcksIncomplete)) throw error;
  const { outcome, unconfirmed } = error;
  const { mutationId, session, replayed, confirmed } = outcome;
  const told = { mutationId, changes: changed(outcome, changes), session, replayed, confirmed, unconfirmed };
  throw new AtollErrorWithMembers('acks_incomplete', error.message, { ...told, ...toldEpoch(outcome) });
}
