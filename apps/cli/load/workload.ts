import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';
import type { EntityRef, FieldOperation, Json, WriteResult } from '#client/wire.js';
import { untilAnswered } from '#client/until-answered.js';
import { writeUntilKnown, type WriteEnd } from '#client/write-until-known.js';
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

/** A sequential client: one operation at a time, perhaps with a session token chained through all of them. */
export interface SequentialClient {
  readonly process: number;
  /** The token so far. */
  token(): string | undefined;
  /** Sends a change until its outcome is known, and journals it as one line. Goes to `others` when `region` fails. */
  change(region: string, wanted: WantedChange, others?: readonly string[]): Promise<Written>;
  remove(region: string, entity: EntityRef): Promise<Written>;
  read(region: string, entity: EntityRef, field: string, take: (value: Json) => Json): Promise<Json>;
}

export interface Written {
  readonly line: OperationLine;
  readonly end: WriteEnd;
  readonly mutationId: string;
}

/** @param session chain one token through all operations; each then depends on those before it, in any region */
export function startClient(workload: Workload, session: boolean): SequentialClient {
  const process = workload.nextProcess();
  const sessionName = session ? `s${process}` : null;
  let token: string | undefined;
  const absorb = (issued: string): void => {
    if (session && issued !== '') token = issued;
  };
  const write = async (
    region: string,
    parts: readonly Part[],
    mutationId: string,
    send: (client: RegionClient) => Promise<WriteResult>,
    others: readonly string[] = [],
  ): Promise<Written> => {
    const invoked = workload.journal.nanoseconds();
    const clients = [region, ...others].map((name) => clientOf(workload, name));
    const end = await writeUntilKnown(clients, send, { deadlineMillis: workload.patienceMillis });
    if (end.kind === 'ok') absorb(end.write.session);
    const line = journalWrite(workload, { process, sessionName, region, parts, mutationId, invoked, end });
    return { line, end, mutationId };
  };
  const callOptions = (): { readonly session?: string } => (token === undefined ? {} : { session: token });

  return {
    process,
    token: () => token,
    change(region, wanted, others) {
      const { entity, operations, observed, mutationId = newMutationId(region) } = wanted;
      const body = { operations, ...(observed === undefined ? {} : { observed }) };
      const parts = operations.map((operation) => partOf(entity, operation));
      const send = (client: RegionClient): Promise<WriteResult> =>
        client.change(entity, body, { ...callOptions(), mutationId });
      return write(region, parts, mutationId, send, others);
    },
    remove(region, entity) {
      const mutationId = newMutationId(region);
      const parts: readonly Part[] = [{ kind: 'write', ...entity, field: '*', input: null, output: null }];
      return write(region, parts, mutationId, (client) =>
        client.remove(entity, { ...callOptions(), mutationId }),
      );
    },
    async read(region, entity, field, take) {
      const invoked = workload.journal.nanoseconds();
      const client = clientOf(workload, region);
      const answer = await untilAnswered(() => client.read(entity, callOptions()), workload.patienceMillis);
      absorb(answer.session);
      const output = take(answer.value);
      workload.journal.operation({
        ...{ process, session: sessionName, region, kind: 'read', ...entity, field, input: null, output },
        ...{ outcome: 'ok', invoked, completed: workload.journal.nanoseconds(), maxWaitMillis: null },
        ...{ consistency: session ? 'session' : 'eventual', mutationId: null, dot: null, seen: answer.seen },
      });
      return output;
    },
  };
}

interface EndedWrite {
  readonly process: number;
  readonly sessionName: string | null;
  readonly region: string;
  readonly parts: readonly Part[];
  readonly mutationId: string;
  readonly invoked: string;
  readonly end: WriteEnd;
}

/** One line per command, however often it was sent. */
export function journalWrite(workload: Workload, ended: EndedWrite): OperationLine {
  const { process, sessionName, region, parts, mutationId, invoked, end } = ended;
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
    output: null,
    ...(single ? {} : { parts }),
    outcome,
    ...(end.kind === 'ok' ? {} : { error: 'code' in end.error ? String(end.error.code) : end.error.message }),
    invoked,
    completed: end.kind === 'unknown' ? null : workload.journal.nanoseconds(),
    maxWaitMillis: null,
    mutationId,
    dot: end.kind === 'ok' ? end.write.dot : null,
    ...(end.kind === 'ok' ? { seen: end.write.seen } : {}),
  });
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
