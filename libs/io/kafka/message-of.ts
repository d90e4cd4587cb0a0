/**
 * What went wrong, for people. Clients wrap errors in errors that say less: of a collection the first tells enough, since
 * all its members are attempts at the same thing.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first === undefined ? error.message : `${error.message.replace(/\.$/, '')}: ${messageOf(first)}`;
}
