/** A turn of the event loop that takes no longer is no sign that processors are short. */
const quickTurnMillis = 0.5;

/** For each millisecond that turns take longer, a lane rests so many, up to the most. */
const restPerMilli = 6;
const restMillisMax = 6;

/** Of the newest turn, in the mean of turns. */
const weight = 0.2;

/**
 * How long to let work gather before the next batch. What a batch costs beside what it carries, its statements, one request
 * per cluster, a fetch and a batch in every region, is paid anew by each: where processors are short, fewer batches leave
 * them more for what is carried, and whoever rests a little is answered sooner. Where they are not, a turn of the event loop
 * is quick, and nothing waits.
 */
export class BatchPace {
  private turnMillis = 0;

  /** A turn of the event loop took so long. */
  turned(millis: number): void {
    this.turnMillis += (millis - this.turnMillis) * weight;
  }

  get restMillis(): number {
    return Math.min(restMillisMax, Math.max(0, this.turnMillis - quickTurnMillis) * restPerMilli);
  }
}
