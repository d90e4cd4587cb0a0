/** A programmer error: an invariant of ours does not hold. It is never caught; the process stops. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/**
 * Stops the process when something that must hold by construction does not.
 *
 * @param sentence begins with the invariant it guards where there is one: `INV-3: stored cursors have no gap`.
 */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new InvariantViolation(sentence);
}
