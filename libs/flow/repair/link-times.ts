import type { Telemetry } from '../ports/telemetry.js';

/** Round trips remembered per link: the least of them is the link, what others took longer was a busy process. */
const samplesMax = 16;

/** How much an event may take beyond the link's delay before it counts as late. */
const slackMillis = 100;

/** How long the links are, as echoed heartbeats show it; for reports only, nothing is decided by it. */
export class LinkTimes {
  private readonly samples = new Map<string, number[]>();

  constructor(private readonly telemetry: Telemetry) {}

  measured(region: string, roundTripMillis: number): void {
    let samples = this.samples.get(region);
    if (!samples) {
      samples = [];
      this.samples.set(region, samples);
    }
    samples.push(Math.max(0, roundTripMillis));
    if (samples.length > samplesMax) samples.shift();
    this.telemetry.gauge('link_round_trip_millis', Math.min(...samples), { to: region });
  }

  /** Whether an event that took so long from its stamp to its commit here came as soon as it should: the service level. */
  isInTime(region: string, lagMillis: number): boolean {
    const samples = this.samples.get(region);
    return lagMillis <= slackMillis + (samples ? Math.min(...samples) / 2 : 0);
  }
}
