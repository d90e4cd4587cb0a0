/** One server-sent event. `id` is what the client sends back as Last-Event-ID; `data` is one line of JSON. */
export function formatEvent({
  id,
  event,
  data,
}: {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}

/** A comment: clients ignore it, but see that the connection lives. */
export function formatComment(text: string): string {
  return `: ${text}\n\n`;
}
