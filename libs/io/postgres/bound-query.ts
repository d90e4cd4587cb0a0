import type pg from 'pg';
import { GrowingBytes } from './growing-bytes.js';
import type { Row, Statement } from './statement.js';

/** Writes one parameter in binary format, without its length. */
export type ParameterWriter = (to: GrowingBytes) => void;

const code = { bind: 0x42, execute: 0x45, parse: 0x50, sync: 0x53 } as const;
const binary = 1;
const inText = 0;

/** Where `pg` notes by itself which statements the backend has parsed, by name. */
type NotingConnection = pg.Connection & { readonly parsedStatements: Readonly<Record<string, string>> };

/**
 * One per connection, used again for each of its messages. It belongs to it alone: when the connection breaks, the bytes
 * may still be on their way.
 */
const messages = new WeakMap<pg.Connection, GrowingBytes>();
const messageBytesFirst = 64 * 1024;

/**
 * A prepared statement whose parameters are written straight into the message that goes to the socket.
 *
 * `pg` copies every parameter into a buffer that grows by half its size, and forgets it: a batch of 60 kB leaves
 * 300 kB behind. Memory outside the heap makes the collector mark the whole heap about once a second, which cost a
 * fifth of a write.
 *
 * It is a query of its own kind, which `pg` lets one hand to `client.query` and drives by these methods. Rows come as
 * arrays of text. Source: Postgres' documentation, "Message Formats"; pg's `Submittable`.
 */
export class BoundQuery implements pg.Submittable {
  readonly rows: (readonly (string | null)[])[] = [];
  callback: ((error: Error | null) => void) | undefined;
  /** `pg` notes them when the backend has parsed the statement. */
  readonly name: string;
  readonly text: string;
  private readonly parameters: readonly ParameterWriter[];
  readonly asStored: readonly boolean[];
  private failure: Error | undefined;

  constructor({ name, text, asStored = [] }: Statement, parameters: readonly ParameterWriter[]) {
    this.name = name;
    this.text = text;
    this.asStored = asStored;
    this.parameters = parameters;
  }

  submit(connection: pg.Connection): void {
    const message = messageOf(connection);
    message.clear();
    if ((connection as NotingConnection).parsedStatements[this.name] === undefined) writeParse(message, this);
    writeBind(message, this.name, this.parameters, this.asStored);
    writeMessage(message, code.execute, () => {
      cString(message, '');
      message.int32(0);
    });
    writeMessage(message, code.sync, () => {});
    connection.stream.write(message.written());
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.rows.push(fields);
  }

  handlePortalSuspended(): void {}

  handleEmptyQuery(): void {}

  handleCommandComplete(): void {}

  handleError(error: Error): void {
    this.failure = error;
    this.callback?.(error);
  }

  handleReadyForQuery(): void {
    if (this.failure === undefined) this.callback?.(null);
  }
}

/** Runs a statement with its parameters in binary format. Errors are Postgres' own. */
export async function runBound(
  client: pg.ClientBase,
  statement: Statement,
  parameters: readonly ParameterWriter[],
): Promise<readonly Row[]> {
  const query = new BoundQuery(statement, parameters);
  return new Promise((resolve, reject) => {
    query.callback = (error) => (error === null ? resolve(query.rows) : reject(error));
    client.query(query);
  });
}

function messageOf(connection: pg.Connection): GrowingBytes {
  const known = messages.get(connection);
  if (known !== undefined) return known;
  const message = new GrowingBytes(messageBytesFirst);
  messages.set(connection, message);
  return message;
}

function writeParse(to: GrowingBytes, { name, text }: Statement): void {
  writeMessage(to, code.parse, () => {
    cString(to, name);
    cString(to, text);
    to.int16(0);
  });
}

function writeBind(
  to: GrowingBytes,
  name: string,
  parameters: readonly ParameterWriter[],
  asStored: readonly boolean[],
): void {
  writeMessage(to, code.bind, () => {
    cString(to, '');
    cString(to, name);
    to.int16(1);
    to.int16(binary);
    to.int16(parameters.length);
    for (const write of parameters) {
      const length = to.gap32();
      const from = to.length;
      write(to);
      to.fillInt32(length, to.length - from);
    }
    to.int16(asStored.length);
    for (const isBinary of asStored) to.int16(isBinary ? binary : inText);
  });
}

/** Its length counts itself, and not the code before it. */
function writeMessage(to: GrowingBytes, type: number, write: () => void): void {
  to.byte(type);
  const length = to.gap32();
  write();
  to.fillInt32(length, to.length - length);
}

function cString(to: GrowingBytes, text: string): void {
  to.text(text, 'utf8');
  to.byte(0);
}
