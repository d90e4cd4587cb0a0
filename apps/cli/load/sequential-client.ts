import { NoAnswer, RequestRefused } from '#client/errors.js';
import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';
import { untilAnswered } from '#client/until-answered.js';
import type { EntityRead, EntityRef, Json, WriteResult } from '#client/wire.js';
import { writeUntilKnown, type WriteEnd } from '#client/write-until-known.js';
import type { OperationLine, Part } from '../judge/history-line.js';
import {
  clientOf,
  epochOf,
  errorCode,
  journalWrite,
  partOf,
  type WantedChange,
  type Workload,
} from './workload.js';

/** What a client asks of all its operations. */
export interface Asked {
  /** Chain one token through all operations; each then depends on those before it, in any region. */
  readonly session?: boolean;
  /** Of reads, as `Atoll-Consistency` says it; absent: nothing is sent, `session` with a chain, else `eventual`. */
  readonly consistency?: string;
  /** Of writes, as `Atoll-Acks` says it; absent: nothing is sent, `local`. */
  readonly acks?: string;
  readonly maxWaitMillis?: number;
  /** How long a write is tried; absent: as the workload says. */
  readonly patienceMillis?: number;
}

/** What a read is about: one field, or several, which the line tells as a transaction. */
export interface Wanted {
  readonly field: string;
  /** What of the entity's value is the output. */
  readonly take: (value: Json) => Json;
}

/** A register that is written if it still is as it was read. */
export interface WantedSwap {
  readonly entity: EntityRef;
  readonly field: string;
  readonly expected: Json;
  readonly value: Json;
  /** The version at which it had the expected value. */
  readonly version: string;
}

/** A sequential client: one operation at a time, each of which becomes a line of the journal. */
export interface SequentialClient {
  /** Its number; another one after an operation whose outcome stays unknown, which may still be under way. */
  process(): number;
  /** The token so far. */
  token(): string | undefined;
  /** Sends a change until its outcome is known, and journals it as one line. Goes to `others` when `region` fails. */
  change(region: string, wanted: WantedChange, others?: readonly string[]): Promise<Written>;
  /** One atomic change of several strong entities. The line's own entity, dot and version vector are the first one's. */
  changeTogether(
    region: string,
    changes: readonly Pick<WantedChange, 'entity' | 'operations'>[],
    others?: readonly string[],
  ): Promise<Written>;
  remove(region: string, entity: EntityRef): Promise<Written>;
  /** Compare-and-set, by the version of the entity. */
  swap(region: string, wanted: WantedSwap, others?: readonly string[]): Promise<Written>;
  /** Reads until it is answered. @throws RequestRefused, NoAnswer when that takes too long */
  read(region: string, entity: EntityRef, field: string, take: (value: Json) => Json): Promise<Json>;
  /** Reads once; a refusal and a missing answer are lines too. */
  look(region: string, entity: EntityRef, wanted: readonly Wanted[]): Promise<Looked>;
  /** Reads one field of several entities of a type in one request, once. */
  lookTogether(region: string, type: string, ids: readonly string[], wanted: Wanted): Promise<OperationLine>;
}

export interface Written {
  readonly line: OperationLine;
  readonly end: WriteEnd;
  readonly mutationId: string;
}

export interface Looked {
  readonly line: OperationLine;
  /** `undefined`: it was refused, or nothing came back. */
  readonly answer: EntityRead | undefined;
}

/** Opens a client of its own number. */
export function startClient(workload: Workload, asked: Asked = {}): SequentialClient {
  return new JournaledClient(workload, asked);
}

class JournaledClient implements SequentialClient {
  #process: number;
  #token: string | undefined;
  readonly #sessionName: string | null;
  readonly #consistency: string;

  constructor(
    private readonly workload: Workload,
    private readonly asked: Asked,
  ) {
    this.#process = workload.nextProcess();
    this.#sessionName = asked.session === true ? `s${this.#process}` : null;
    this.#consistency = asked.consistency ?? (asked.session === true ? 'session' : 'eventual');
  }

  process(): number {
    return this.#process;
  }

  token(): string | undefined {
    return this.#token;
  }

  change(region: string, wanted: WantedChange, others?: readonly string[]): Promise<Written> {
    const { entity, operations, observed, mutationId = newMutationId(region) } = wanted;
    const body = { operations, ...(observed === undefined ? {} : { observed }) };
    const parts = operations.map((operation) => partOf(entity, operation));
    const send = (client: RegionClient): Promise<WriteResult> =>
      client.change(entity, body, { ...this.#writeOptions(), mutationId });
    return this.#write(region, { parts, mutationId, send, others });
  }

  changeTogether(
    region: string,
    changes: readonly Pick<WantedChange, 'entity' | 'operations'>[],
    others?: readonly string[],
  ): Promise<Written> {
    const mutationId = newMutationId(region);
    const parts = changes.flatMap(({ entity, operations }) => operations.map((one) => partOf(entity, one)));
    const body = changes.map(({ entity, operations }) => ({ ...entity, operations }));
    const send = async (client: RegionClient): Promise<WriteResult> => {
      const { changes: done, ...whole } = await client.transact(body, {
        ...this.#writeOptions(),
        mutationId,
      });
      const [first] = done;
      if (first === undefined) throw new Error('an atomic change is of at least one entity');
      return { ...whole, ...first };
    };
    return this.#write(region, { parts, mutationId, send, others });
  }

  remove(region: string, entity: EntityRef): Promise<Written> {
    const mutationId = newMutationId(region);
    const parts: readonly Part[] = [{ kind: 'write', ...entity, field: '*', input: null, output: null }];
    const send = (client: RegionClient): Promise<WriteResult> =>
      client.remove(entity, { ...this.#writeOptions(), mutationId });
    return this.#write(region, { parts, mutationId, send });
  }

  swap(region: string, wanted: WantedSwap, others?: readonly string[]): Promise<Written> {
    const { entity, field, expected, value, version } = wanted;
    const mutationId = newMutationId(region);
    const input = { expected, value };
    const parts: readonly Part[] = [{ kind: 'cas', ...entity, field, input, output: null }];
    const body = { operations: [{ field, op: 'set', value }] };
    const send = (client: RegionClient): Promise<WriteResult> =>
      client.change(entity, body, { ...this.#writeOptions(), mutationId, ifMatch: version });
    return this.#write(region, { parts, mutationId, send, others });
  }

  async read(region: string, entity: EntityRef, field: string, take: (value: Json) => Json): Promise<Json> {
    const invoked = this.workload.journal.nanoseconds();
    const client = clientOf(this.workload, region);
    const answer = await untilAnswered(
      () => client.read(entity, this.#readOptions()),
      this.workload.patienceMillis,
    );
    const { line } = this.#heard({ region, entity, wanted: [{ field, take }], invoked }, answer);
    return line.output;
  }

  async look(region: string, entity: EntityRef, wanted: readonly Wanted[]): Promise<Looked> {
    const invoked = this.workload.journal.nanoseconds();
    const client = clientOf(this.workload, region);
    try {
      return this.#heard({ region, entity, wanted, invoked }, await client.read(entity, this.#readOptions()));
    } catch (error) {
      if (!(error instanceof RequestRefused || error instanceof NoAnswer)) throw error;
      const parts = wanted.map(({ field }): Part => readPart(entity, field, null));
      const line = this.workload.journal.operation({
        ...this.#readLine(region, entity, parts, invoked),
        ...{ outcome: 'fail', error: errorCode(error), completed: this.workload.journal.nanoseconds() },
      });
      return { line, answer: undefined };
    }
  }

  async lookTogether(
    region: string,
    type: string,
    ids: readonly string[],
    { field, take }: Wanted,
  ): Promise<OperationLine> {
    const { journal } = this.workload;
    const entities = ids.map((id) => ({ type, id }));
    const [first = { type, id: '' }] = entities;
    const invoked = journal.nanoseconds();
    const line = (outputs: readonly Json[]) => {
      const parts = entities.map((entity, at) => readPart(entity, field, outputs[at] ?? null));
      return this.#readLine(region, first, parts, invoked);
    };
    try {
      const client = clientOf(this.workload, region);
      const { entities: found, session } = await client.readMany(type, ids, this.#readOptions());
      this.#absorb(session);
      const completed = journal.nanoseconds();
      // They share a partition key, and so a home.
      const told = { outcome: 'ok', completed, ...epochOf(found[0] ?? {}) } as const;
      return journal.operation({ ...line(found.map(({ value }) => take(value))), ...told });
    } catch (error) {
      if (!(error instanceof RequestRefused || error instanceof NoAnswer)) throw error;
      const refused = { outcome: 'fail', error: errorCode(error), completed: journal.nanoseconds() } as const;
      return journal.operation({ ...line([]), ...refused });
    }
  }

  #heard(
    asked: {
      readonly region: string;
      readonly entity: EntityRef;
      readonly wanted: readonly Wanted[];
      readonly invoked: string;
    },
    answer: EntityRead,
  ): Looked {
    const { entity, wanted, invoked } = asked;
    this.#absorb(answer.session);
    const parts = wanted.map(({ field, take }) => readPart(entity, field, take(answer.value)));
    const line = this.workload.journal.operation({
      ...this.#readLine(answer.region || asked.region, entity, parts, invoked),
      ...{ outcome: 'ok', completed: this.workload.journal.nanoseconds() },
      ...{ stalenessMillis: answer.stalenessMs, seen: answer.seen, ...epochOf(answer) },
    });
    return { line, answer };
  }

  #readLine(region: string, entity: EntityRef, parts: readonly Part[], invoked: string) {
    const [first] = parts;
    if (first === undefined) throw new Error('a read has at least one field');
    const single = parts.length === 1;
    return {
      ...{ process: this.#process, session: this.#sessionName, region, ...entity, invoked, input: null },
      ...{ kind: single ? ('read' as const) : ('txn' as const), field: single ? first.field : null },
      ...{ output: single ? first.output : null, ...(single ? {} : { parts }) },
      ...{ consistency: this.#consistency, maxWaitMillis: this.asked.maxWaitMillis ?? null },
      ...{ mutationId: null, dot: null },
    };
  }

  async #write(
    region: string,
    wanted: {
      readonly parts: readonly Part[];
      readonly mutationId: string;
      readonly send: (client: RegionClient) => Promise<WriteResult>;
      readonly others?: readonly string[] | undefined;
    },
  ): Promise<Written> {
    const { parts, mutationId, send, others = [] } = wanted;
    const { workload, asked } = this;
    const invoked = workload.journal.nanoseconds();
    const clients = [region, ...others].map((name) => clientOf(workload, name));
    const deadlineMillis = asked.patienceMillis ?? workload.patienceMillis;
    const end = await writeUntilKnown(clients, send, { deadlineMillis });
    if (end.kind === 'ok') this.#absorb(end.write.session);
    const line = journalWrite(workload, {
      ...{ process: this.#process, sessionName: this.#sessionName, region, parts, mutationId, invoked, end },
      consistency: this.#consistency,
      ...(asked.acks === undefined ? {} : { acks: asked.acks }),
      ...(asked.maxWaitMillis === undefined ? {} : { maxWaitMillis: asked.maxWaitMillis }),
    });
    // It may still take effect: the operations that follow are of another process.
    if (end.kind === 'unknown') this.#process = workload.nextProcess();
    return { line, end, mutationId };
  }

  #absorb(issued: string): void {
    if (this.#sessionName !== null && issued !== '') this.#token = issued;
  }

  #readOptions() {
    const { consistency, maxWaitMillis } = this.asked;
    return {
      ...(this.#token === undefined ? {} : { session: this.#token }),
      ...(consistency === undefined ? {} : { consistency }),
      ...(maxWaitMillis === undefined ? {} : { maxWaitMillis }),
    };
  }

  /** The levels of reads mean nothing to a write, but for `causal`: its dependencies travel in the event. */
  #writeOptions() {
    const { consistency, acks, maxWaitMillis } = this.asked;
    return {
      ...(this.#token === undefined ? {} : { session: this.#token }),
      ...(consistency === 'causal' ? { consistency } : {}),
      ...(acks === undefined ? {} : { acks }),
      ...(maxWaitMillis === undefined ? {} : { maxWaitMillis }),
    };
  }
}

function readPart(entity: EntityRef, field: string, output: Json): Part {
  return { kind: 'read', ...entity, field, input: null, output };
}
