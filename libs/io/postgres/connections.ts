import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { LogUnavailable } from '#flow/ports/event-log.js';
import { runBound, type ParameterWriter } from './bound-query.js';
import { DatabaseRefused, failureOf, sentence } from './failures.js';
import type { Row, Statement } from './statement.js';

export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly applicationName: string;
  readonly connections: number;
  /** After this long Postgres gives a statement up. */
  readonly statementMillisMax: number;
  /** A backend that does not even answer its own timeout is given this much longer, then the connection is dropped. */
  readonly silenceMillisMax: number;
  /** How long a call waits for a connection, in all, before it answers `LogUnavailable`. */
  readonly patienceMillis: number;
}

/** Asked of every new connection before anything else is done with it. Throws `DatabaseRefused` to refuse it. */
export type ConnectionCheck = (client: pg.ClientBase) => Promise<void>;

const connectMillisMax = 3_000;
const backoffMillisFirst = 20;
const backoffMillisMax = 500;

/**
 * All access here is by key and in the order of an index, and plans are made before the tables have statistics: a plan
 * that was right for an empty table would read a full one. So whatever reads or sorts whole tables is ruled out where
 * there is a choice, and each statement is planned once.
 */
const sessionSettings = `
  set synchronous_commit = on; set jit = off; set timezone = 'UTC'; set client_min_messages = warning;
  set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off;
  set enable_sort = off; set enable_hashjoin = off; set enable_mergejoin = off`;

/** A few connections to one database. They come back by themselves after it was away, for as long as it takes. */
export class Connections {
  private readonly pool: pg.Pool;
  private readonly patienceMillis: number;
  private check: ConnectionCheck = async () => {};
  private closed = false;
  private readonly statementMillisMax: number;

  constructor(options: ConnectionOptions) {
    this.patienceMillis = options.patienceMillis;
    this.statementMillisMax = options.statementMillisMax;
    this.pool = new pg.Pool({
      connectionString: options.url,
      application_name: options.applicationName,
      max: options.connections,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: connectMillisMax,
      keepAlive: true,
      query_timeout: options.statementMillisMax + options.silenceMillisMax,
      onConnect: (client) => this.greet(client) as unknown,
    });
    // An idle connection that breaks is dropped from the pool; the next call makes a new one.
    this.pool.on('error', () => {});
  }

  /** The pool awaits it before it lends the new connection to anybody. */
  private readonly greet = async (client: pg.ClientBase): Promise<void> => {
    await client.query(`set statement_timeout = ${this.statementMillisMax}; ${sessionSettings}`);
    await this.check(client);
  };

  /** From now on every new connection has to pass. */
  require(check: ConnectionCheck): void {
    this.check = check;
  }

  /** Runs one prepared statement; rows come as arrays. Errors are Postgres' own, or `LogUnavailable` when nothing was sent. */
  async run(statement: Statement, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.use(async (client) => {
      const { rows } = await client.query({ ...statement, values: [...values], rowMode: 'array' });
      return rows;
    });
  }

  /** The same with parameters in binary format, and without leaving memory behind: for what is large and often. */
  async runBound(statement: Statement, parameters: readonly ParameterWriter[]): Promise<readonly Row[]> {
    return this.use((client) => runBound(client, statement, parameters));
  }

  /** Lends a connection. It goes back to the pool only if it is surely in a clean state. */
  async use<T>(action: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const client = await this.acquire();
    let broken = false;
    const notice = (): void => {
      broken = true;
    };
    client.on('error', notice);
    try {
      return await action(client);
    } catch (error) {
      if (failureOf(error) !== 'refused') broken = true;
      throw error;
    } finally {
      client.removeListener('error', notice);
      client.release(broken);
    }
  }

  /** Several statements in one transaction. */
  async transaction<T>(begin: string, action: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.use(async (client) => {
      await client.query(begin);
      try {
        const result = await action(client);
        await client.query('commit');
        return result;
      } catch (error) {
        // The first error is the one to tell; a connection that cannot roll back is found broken and let go.
        await client.query('rollback').catch(() => undefined);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.pool.end();
  }

  /** Tries again and again until the patience is over: a restart of Postgres takes a second or two. */
  private async acquire(): Promise<pg.PoolClient> {
    const deadline = performance.now() + this.patienceMillis;
    for (
      let backoffMillis = backoffMillisFirst;
      ;
      backoffMillis = Math.min(backoffMillis * 2, backoffMillisMax)
    ) {
      if (this.closed) throw new LogUnavailable('the event log is closed');
      try {
        return await this.pool.connect();
      } catch (error) {
        if (error instanceof DatabaseRefused) throw new LogUnavailable(error.message, { cause: error });
        if (performance.now() + backoffMillis >= deadline) {
          throw new LogUnavailable(`Postgres cannot be reached: ${sentence(error)}`, { cause: error });
        }
      }
      await pause(backoffMillis);
    }
  }
}
