import type { RegionClient } from '#client/region-client.js';
import type { EntityRef, FieldOperation, Json } from '#client/wire.js';
import type { WriteEnd } from '#client/write-until-known.js';
import { entryField, type OperationLine, type Outcome, type Part } from '../judge/history-line.js';
import type { Journal } from '../judge/journal.js';

/** What all clients of a run have in common. */
export interface Workload {
  readonly journal: Journal;
  readonly regions: ReadonlyMap<string, RegionClient>;
  /** A number for one more sequential client. */
  nextProcess(): number;
  /** How long a command is tried before its outcome is called unknown. */
  readonly patienceMillis: number;
}

export function createWorkload(
  journal: Journal,
  regions: readonly RegionClient[],
  patienceMillis = 60_000,
): Workload {
  let processes = 0;
  return {
    journal,
    regions: new Map(regions.map((client) => [client.region, client])),
    nextProcess: () => (processes += 1),
    patienceMillis,
  };
}

export function clientOf({ regions }: Workload, region: string): RegionClient {
  const client = regions.get(region);
  if (client === undefined) throw new Error(`the run has no region ${region}`);
  return client;
}

/** A command as a client wants it done. */
export interface WantedChange {
  readonly entity: EntityRef;
  readonly operations: readonly FieldOperation[];
  readonly observed?: string;
  /** Absent: a new one, born in the region it is sent to. */
  readonly mutationId?: string;
}

export interface EndedWrite {
  readonly process: number;
  readonly sessionName: string | null;
  /** As asked; absent: `eventual` and `local`. */
  readonly consistency?: string;
  readonly acks?: string;
  readonly maxWaitMillis?: number | null;
  readonly region: string;
  readonly parts: readonly Part[];
  readonly mutationId: string;
  readonly invoked: string;
  readonly end: WriteEnd;
}

/** One line per command, however often it was sent. */
export function journalWrite(workload: Workload, ended: EndedWrite): OperationLine {
  const { process, sessionName, region, parts, mutationId, invoked, end, consistency, acks } = ended;
  const [first] = parts;
  if (first === undefined) throw new Error('a write has at least one operation');
  const single = parts.length === 1;
  const outcome: Outcome = end.kind;
  return workload.journal.operation({
    process,
    session: sessionName,
    region: end.kind === 'ok' ? end.write.region : region,
    kind: single ? first.kind : 'txn',
    type: first.type,
    id: first.id,
    field: single ? first.field : null,
    input: single ? first.input : null,
    output: single ? outputOf(first.kind, end) : null,
    ...(single ? {} : { parts }),
    outcome,
    ...(end.kind === 'ok' ? {} : { error: errorCode(end.error) }),
    invoked,
    completed: end.kind === 'unknown' ? null : workload.journal.nanoseconds(),
    maxWaitMillis: ended.maxWaitMillis ?? null,
    ...(consistency === undefined ? {} : { consistency }),
    ...(acks === undefined ? {} : { acks }),
    mutationId,
    dot: end.kind === 'ok' ? end.write.dot : null,
    ...(end.kind === 'ok' ? { seen: end.write.seen, ...epochOf(end.write) } : {}),
  });
}

/** Refusals that answer the question which a conditional operation asks: no. */
const deniedCodes: ReadonlySet<string> = new Set([
  'precondition_failed',
  'condition_failed',
  'insufficient_rights',
  'out_of_bounds',
]);

/** Whether a conditional operation was answered: its condition does not hold. */
export function wasDenied(end: WriteEnd): boolean {
  return end.kind === 'fail' && deniedCodes.has(errorCode(end.error));
}

/** Conditional operations answer whether they were done; a denied one has the outcome `fail` and the output `false`. */
function outputOf(kind: Part['kind'], end: WriteEnd): Json {
  if (kind !== 'cas' && kind !== 'spend') return null;
  if (end.kind === 'ok') return true;
  return wasDenied(end) ? false : null;
}

/** The public code of a refusal; `no_answer` where nothing came back. */
export function errorCode(error: Error): string {
  return 'code' in error ? String(error.code) : 'no_answer';
}

/** The epoch of the home that answered a strong operation. */
export function epochOf({ epoch }: { readonly epoch?: string | undefined }): { readonly epoch?: string } {
  return epoch === undefined ? {} : { epoch };
}

/** What an operation is in the words of a client history. */
export function partOf(entity: EntityRef, operation: FieldOperation): Part {
  const { field, op } = operation;
  const part = (kind: Part['kind'], input: Json | undefined): Part => ({
    kind,
    ...entity,
    field,
    input: input ?? null,
    output: null,
  });
  switch (op) {
    case 'increment':
      return part('increment', operation['by']);
    case 'spend':
      return part('spend', operation['by']);
    case 'transfer':
      return part('transfer', { to: operation['to'] ?? null, by: operation['by'] ?? null });
    case 'add':
      return part('add', operation['element']);
    case 'remove':
      return part('remove', operation['element'] ?? operation['key']);
    case 'enable':
    case 'disable':
      return part('write', op === 'enable');
    case 'advance':
      return part('write', operation['to']);
    case 'splice':
    case 'update':
      return part(
        'write',
        operation['update'] ?? [operation['index'] ?? 0, operation['delete'] ?? 0, operation['insert'] ?? ''],
      );
    case 'at': {
      const inner = operation['then'] as FieldOperation;
      const innerPart = partOf(entity, { ...inner, field });
      return { ...innerPart, field: entryField(field, String(operation['key'])) };
    }
    default:
      return part('write', operation['value']);
  }
}
