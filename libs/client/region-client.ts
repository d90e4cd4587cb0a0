import { parseJson } from '#core/parse-json.js';
import { NoAnswer, RequestRefused } from './errors.js';
import { openFeed, type Feed, type FeedQuery } from './feed.js';
import { connectHttp, type HttpAnswer, type HttpCall } from './http-connection.js';
import type {
  BarrierState,
  BatchChange,
  BatchResult,
  Change,
  Conflict,
  ConflictPage,
  ConflictQuery,
  EntityPage,
  EntityRead,
  EntityRef,
  HistoryPage,
  Notice,
  Problem,
  TransactionChange,
  TransactionResult,
  WriteResult,
  WriteStatus,
} from './wire.js';

export interface CallOptions {
  /** Opaque token of what the client depends on; the region waits until it has all of it. */
  readonly session?: string;
  /** How long the region may wait for that. Default: the region's own. */
  readonly maxWaitMillis?: number;
  /** `Atoll-Consistency`, such as `bounded;max=2000ms;else=refuse`. Default: `session` with a token, else `eventual`. */
  readonly consistency?: string;
}

export interface AcksOptions extends CallOptions {
  /**
   * `Atoll-Acks`: `local`, `1`, `majority` or `all`. Default: `local`, and `majority` for strong types. Where it is not kept
   * in time, the call is refused with `acks_incomplete` (see `incompleteWrite`).
   */
  readonly acks?: string;
}

export interface WriteOptions extends AcksOptions {
  /** Made once per command and sent with every try of it. */
  readonly mutationId: string;
  /** Refused unless the entity is still at this version in the region. */
  readonly ifMatch?: string;
}

/** One process of one region, over HTTP. Every method throws RequestRefused or NoAnswer. */
export interface RegionClient {
  readonly region: string;
  readonly url: string;
  read(entity: EntityRef, options?: CallOptions): Promise<EntityRead>;
  /** At most 500 ids; one entry each, in their order. */
  readMany(type: string, ids: readonly string[], options?: CallOptions): Promise<EntityPage>;
  list(type: string, page: { readonly after?: string; readonly limit: number }): Promise<EntityPage>;
  change(entity: EntityRef, change: Change, options: WriteOptions): Promise<WriteResult>;
  remove(entity: EntityRef, options: WriteOptions): Promise<WriteResult>;
  /** Not atomic: one outcome per change, in order. */
  batch(changes: readonly BatchChange[], options?: AcksOptions): Promise<BatchResult>;
  /** All changes or none: at most 100 entities of strong types that share a partition key. */
  transact(
    changes: readonly TransactionChange[],
    options: Omit<WriteOptions, 'ifMatch'>,
  ): Promise<TransactionResult>;
  /** Newest first. */
  history(entity: EntityRef, page: { readonly limit: number; readonly offset: number }): Promise<HistoryPage>;
  conflicts(query: ConflictQuery): Promise<ConflictPage>;
  conflict(id: string): Promise<Conflict>;
  resolve(id: string, change: Change, options: WriteOptions): Promise<WriteResult>;
  writeStatus(mutationId: string): Promise<WriteStatus>;
  /** A token for everything the region has stored up to now. */
  barrier(): Promise<string>;
  awaitBarrier(token: string, maxWaitMillis: number): Promise<BarrierState>;
  changes(query: FeedQuery, onNotice: (notice: Notice) => void): Promise<Feed>;
  /** Any other GET, for example `/v1/admin/topology`. */
  get<Answer>(path: string): Promise<Answer>;
  /** Any other POST, for example to `/v1/admin/shards/3/handover`. */
  post<Answer>(path: string, body: object, options?: Pick<CallOptions, 'maxWaitMillis'>): Promise<Answer>;
  text(path: string): Promise<string>;
  isReady(): Promise<boolean>;
  close(): void;
}

export interface RegionClientOptions {
  readonly region: string;
  /** Such as `http://127.0.0.1:7410`. */
  readonly url: string;
  /** Bearer token, where the region demands one. */
  readonly token?: string;
  /** How long to wait for an answer beyond what the region itself may wait. Default 10 s. */
  readonly timeoutMillis?: number;
}

const timeoutMillisDefault = 10_000;
/** A region waits at most so long unless it is asked otherwise. */
const regionWaitMillisDefault = 5_000;

interface Call extends Omit<HttpCall, 'timeoutMillis'> {
  readonly options?: AcksOptions;
}

export function createRegionClient({ region, url, token, timeoutMillis }: RegionClientOptions): RegionClient {
  const connection = connectHttp(url, token);
  const patience = timeoutMillis ?? timeoutMillisDefault;

  const call = async ({ options, headers, ...rest }: Call): Promise<HttpAnswer> => {
    const answer = await connection.call({
      ...rest,
      headers: { ...callHeaders(options), ...headers },
      timeoutMillis: patience + (options?.maxWaitMillis ?? regionWaitMillisDefault),
    });
    if (answer.status >= 400) throw refusal(answer, url);
    return answer;
  };
  const json = async <Answer>(given: Call): Promise<Answer> => parse<Answer>(await call(given), url);
  const get = <Answer>(path: string, options?: CallOptions): Promise<Answer> =>
    json<Answer>({ method: 'GET', path, ...(options ? { options } : {}) });

  return {
    region,
    url,
    ...reads(json, get),
    ...writes(json),
    ...conflictCalls(json, get),
    async barrier() {
      return (await json<{ readonly token: string }>({ method: 'POST', path: '/v1/barriers' })).token;
    },
    awaitBarrier: (barrier, maxWaitMillis) =>
      get<BarrierState>(`/v1/barriers/${encodeURIComponent(barrier)}`, { maxWaitMillis }),
    changes: (query, onNotice) => openFeed(connection, query, { patience, onNotice }),
    get: <Answer>(path: string) => get<Answer>(path),
    post: <Answer>(path: string, body: object, options?: Pick<CallOptions, 'maxWaitMillis'>) =>
      json<Answer>({ method: 'POST', path, body, ...(options ? { options } : {}) }),
    text: async (path) => (await call({ method: 'GET', path })).text,
    async isReady() {
      try {
        return (
          (await connection.call({ method: 'GET', path: '/readyz', timeoutMillis: patience })).status === 200
        );
      } catch (error) {
        if (error instanceof NoAnswer) return false;
        throw error;
      }
    },
    close: () => connection.close(),
  };
}

type JsonCall = <Answer>(call: Call) => Promise<Answer>;
type JsonGet = <Answer>(path: string, options?: CallOptions) => Promise<Answer>;

function entityPath({ type, id }: EntityRef): string {
  return `/v1/entities/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

function reads(
  json: JsonCall,
  get: JsonGet,
): Pick<RegionClient, 'read' | 'readMany' | 'list' | 'history' | 'writeStatus'> {
  return {
    async read(entity, options) {
      try {
        return await get<EntityRead>(entityPath(entity), options);
      } catch (error) {
        if (error instanceof RequestRefused && error.code === 'not_found')
          return missing(entity, error.problem);
        throw error;
      }
    },
    readMany(type, ids, options) {
      const path = `/v1/entities/${encodeURIComponent(type)}/get`;
      return json<EntityPage>({ method: 'POST', path, body: { ids }, ...(options ? { options } : {}) });
    },
    list: (type, page) => get<EntityPage>(`/v1/entities/${encodeURIComponent(type)}?${queryOf(page)}`),
    history: (entity, page) => get<HistoryPage>(`${entityPath(entity)}/history?${queryOf(page)}`),
    writeStatus: (mutationId) => get<WriteStatus>(`/v1/writes/${encodeURIComponent(mutationId)}`),
  };
}

/** The problem `not_found` says what the region has seen of an entity that is not there. */
function missing(entity: EntityRef, problem: Problem): EntityRead {
  const { seen, version, session, region, stalenessMs, epoch } = problem as Problem & Partial<EntityRead>;
  return {
    ...entity,
    value: null,
    seen: seen ?? {},
    version: version ?? '-',
    conflicts: [],
    quarantined: false,
    stalenessMs: stalenessMs ?? null,
    ...(epoch === undefined ? {} : { epoch }),
    region: region ?? '',
    session: session ?? '',
  };
}

function queryOf(given: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

function writeHeaders({ mutationId, ifMatch }: WriteOptions): Readonly<Record<string, string>> {
  return {
    'idempotency-key': mutationId,
    ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
  };
}

function writes(json: JsonCall): Pick<RegionClient, 'change' | 'remove' | 'batch' | 'transact'> {
  return {
    change(entity, body, options) {
      const path = `${entityPath(entity)}/changes`;
      return json<WriteResult>({ method: 'POST', path, body, headers: writeHeaders(options), options });
    },
    remove(entity, options) {
      const headers = writeHeaders(options);
      return json<WriteResult>({ method: 'DELETE', path: entityPath(entity), headers, options });
    },
    transact(changes, options) {
      const headers = writeHeaders(options);
      return json<TransactionResult>({
        method: 'POST',
        path: '/v1/transactions',
        body: { changes },
        headers,
        options,
      });
    },
    batch(changes, options) {
      const call: Call = {
        method: 'POST',
        path: '/v1/batch',
        body: { changes },
        ...(options ? { options } : {}),
      };
      return json<BatchResult>(call);
    },
  };
}

function conflictCalls(
  json: JsonCall,
  get: JsonGet,
): Pick<RegionClient, 'conflicts' | 'conflict' | 'resolve'> {
  return {
    conflicts: (query) => get<ConflictPage>(`/v1/conflicts?${queryOf({ ...query })}`),
    conflict: (id) => get<Conflict>(`/v1/conflicts/${encodeURIComponent(id)}`),
    resolve(id, body, options) {
      const path = `/v1/conflicts/${encodeURIComponent(id)}/resolve`;
      return json<WriteResult>({ method: 'POST', path, body, headers: writeHeaders(options), options });
    },
  };
}

function callHeaders(options: Call['options']): Readonly<Record<string, string>> {
  return {
    ...(options?.acks === undefined ? {} : { 'atoll-acks': options.acks }),
    ...(options?.session === undefined ? {} : { 'atoll-session': options.session }),
    ...(options?.consistency === undefined ? {} : { 'atoll-consistency': options.consistency }),
    ...(options?.maxWaitMillis === undefined ? {} : { 'atoll-max-wait': String(options.maxWaitMillis) }),
  };
}

function refusal(answer: HttpAnswer, url: string): Error {
  try {
    const problem = parseJson(answer.text) as Problem;
    if (typeof problem.code === 'string') return new RequestRefused({ ...problem, status: answer.status });
  } catch {
    // Not JSON: something between us and the region answered.
  }
  return new NoAnswer(
    `${url}: status ${answer.status} without a problem: ${answer.text.slice(0, 200)}`,
    true,
  );
}

function parse<Answer>(answer: HttpAnswer, url: string): Answer {
  try {
    return parseJson(answer.text) as Answer;
  } catch (error) {
    throw new NoAnswer(`${url}: the answer is not JSON`, true, { cause: error });
  }
}
