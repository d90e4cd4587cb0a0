/**
 * What went wrong, for people. Clients wrap errors in errors that say less: of a collection the first tells enough, since
 * all its members are attempts at the same thing; and a wrong password is the cause of the cause of "cannot connect".
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner === undefined || inner === null) return message;
  const deeper = messageOf(inner);
  return message.includes(deeper) ? message : `${message.replace(/\.$/, '')}: ${deeper}`;
}
