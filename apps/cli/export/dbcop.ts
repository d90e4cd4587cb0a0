import type { OperationLine } from '../judge/history-line.js';
import type { Exported } from './exported.js';
import { registerSessions, type RegisterStep, type SessionRule } from './register-sessions.js';

/**
 * The JSON that `dbcop verify` takes (its docs/history-format.md): sessions of transactions of
 * `{"Read":{"variable":0,"version":1}}` and `{"Write":…}`; version `null` is the unwritten register. Variables count from
 * 0, versions are unique in the whole history; `n_transaction` and `n_event` are the most of one session, of one
 * transaction; `start` and `end` carry no time, for histories have none but their monotonic one.
 */
export function toDbcop(operations: readonly OperationLine[], rule: SessionRule, run: string): Exported {
  const { sessions, registers, leftOut } = registerSessions(operations, rule);
  const most = (counts: readonly number[]): number => counts.reduce((max, one) => Math.max(max, one), 0);
  const document = {
    params: {
      id: 0,
      n_node: sessions.length,
      n_variable: registers,
      n_transaction: most(sessions.map((session) => session.length)),
      n_event: most(sessions.flatMap((session) => session.map(({ steps }) => steps.length))),
    },
    info: run,
    start: '1970-01-01T00:00:00.000000000+00:00',
    end: '1970-01-01T00:00:00.000000000+00:00',
    data: sessions.map((session) =>
      session.map(({ steps, committed }) => ({ events: steps.map(eventOf), committed })),
    ),
  };
  return { text: `${JSON.stringify(document)}\n`, operations: operations.length - leftOut, leftOut };
}

function eventOf({ kind, register, value }: RegisterStep): object {
  const variable = register - 1;
  if (kind === 'write') return { Write: { variable, version: value } };
  return { Read: { variable, version: value === 0 ? null : value } };
}
