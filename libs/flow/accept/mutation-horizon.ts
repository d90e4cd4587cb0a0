/**
 * The highest time of birth up to which records of mutation ids may be gone, in milliseconds since 1970. Ids born at or
 * before it are refused, whatever the clock says (PROTOCOL §5).
 */
export class MutationHorizon {
  private raisedMillis = 0;

  get millis(): number {
    return this.raisedMillis;
  }

  /** It never falls. To be raised before the first record goes. */
  raise(millis: number): void {
    this.raisedMillis = Math.max(this.raisedMillis, millis);
  }
}
