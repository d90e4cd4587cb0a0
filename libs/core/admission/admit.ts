/** What a request wants: reads and writes of clients can be refused for lack of room; operators get in as long as there is memory. */
export type RequestKind = 'read' | 'write' | 'operate';

/** What is under way in a process, of all ways in together. */
export interface InFlight {
  readonly requests: number;
  /** Of their bodies, as far as they have come. */
  readonly bytes: number;
  /** Whether the queue of commands takes one more. */
  readonly queueHasRoom: boolean;
}

export interface InFlightLimits {
  readonly requestsMax: number;
  readonly requestBytesMax: number;
}

/** Why a request is not let in; the label of a metric. */
export type NoRoom = 'requests' | 'bytes' | 'commands';

/**
 * Decides whether a request is let in, by what is known before its body is read. Pure (INV-15).
 *
 * @param bytes of its body, as far as it has come or is announced
 */
export function admit(
  kind: RequestKind,
  bytes: number,
  { requests, bytes: bytesInFlight, queueHasRoom }: InFlight,
  { requestsMax, requestBytesMax }: InFlightLimits,
): NoRoom | undefined {
  if (bytesInFlight + bytes > requestBytesMax) return 'bytes';
  if (kind === 'operate') return undefined;
  if (requests >= requestsMax) return 'requests';
  // What cannot be queued need not be decoded: a refusal must cost far less than what it refuses.
  return kind === 'write' && !queueHasRoom ? 'commands' : undefined;
}
