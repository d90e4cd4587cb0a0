import type { OperationLine } from '../judge/history-line.js';
import { registerSessions, type SessionRule } from './register-sessions.js';
import type { Exported } from './exported.js';

/**
 * Plume's text form (its class TextHistoryLoader): one operation per line, `r(register,value,session,transaction)` or
 * `w(…)`, whole numbers; value 0 is the unwritten register; transaction -1 marks a write that was answered as failed.
 */
export function toPlume(operations: readonly OperationLine[], rule: SessionRule): Exported {
  const { sessions, leftOut } = registerSessions(operations, rule);
  let transaction = -1;
  const lines = sessions.flatMap((session, number) =>
    session.flatMap(({ steps, committed }) => {
      if (committed) transaction += 1;
      const id = committed ? transaction : -1;
      return steps.map(
        ({ kind, register, value }) => `${kind === 'read' ? 'r' : 'w'}(${register},${value},${number},${id})`,
      );
    }),
  );
  return {
    text: lines.map((line) => `${line}\n`).join(''),
    operations: operations.length - leftOut,
    leftOut,
  };
}
