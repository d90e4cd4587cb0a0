import { handOver, readTopology } from '#client/admin.js';
import { untilAnswered } from '#client/until-answered.js';
import { cutBetween, healBetween, pairsOf } from '#cli/dev/links.js';
import type { FaultKind } from '#cli/judge/history-line.js';
import type { Journal } from '#cli/judge/journal.js';
import type { Delay } from '#io/devstack/delay-matrix.js';
import type { StackPart } from '#io/devstack/stack.js';
import type { FaultLab } from '../integration/faults/fault-lab.js';

/** Breaks things in a lab, and writes each into the journals of the runs at the moment when it is done. */
export class FaultBook {
  constructor(
    private readonly lab: FaultLab,
    private readonly journals: readonly Journal[],
  ) {}

  async cut(from: string, to: string, oneWay = false): Promise<void> {
    await cutBetween(this.lab.stack, from, to, oneWay);
    this.#note('cut', `${from}${oneWay ? '->' : '<->'}${to}`, oneWay ? 'one way' : 'both ways');
  }

  async heal(from: string, to: string): Promise<void> {
    await healBetween(this.lab.stack, from, to);
    this.#note('heal', `${from}<->${to}`, '');
  }

  /** Of both ways. */
  async delay(from: string, to: string, delay: Delay): Promise<void> {
    await this.lab.stack.link(from, to).setDelay(delay);
    await this.lab.stack.link(to, from).setDelay(delay);
    const { oneWayMillis, jitterMillis } = delay;
    this.#note('delay', `${from}<->${to}`, `${oneWayMillis} ms one way, up to ${jitterMillis} ms more`);
  }

  async killService(region: string): Promise<void> {
    await this.lab.killService(region);
    this.#note('kill', `${region} service`, 'SIGKILL');
  }

  async startService(region: string): Promise<void> {
    await this.lab.startService(region);
    this.#note('start', `${region} service`, '');
  }

  async kill(region: string, part: StackPart): Promise<void> {
    await this.lab.stack.kill(region, part);
    this.#note('kill', `${region} ${part}`, 'SIGKILL');
  }

  async start(region: string, part: StackPart): Promise<void> {
    await this.lab.stack.start(region, part);
    this.#note('start', `${region} ${part}`, '');
  }

  pauseService(region: string): void {
    this.lab.service(region).signal('SIGSTOP');
    this.#note('pause', `${region} service`, 'SIGSTOP');
  }

  resumeService(region: string): void {
    this.lab.service(region).signal('SIGCONT');
    this.#note('resume', `${region} service`, 'SIGCONT');
  }

  /** Sets every link to one delay. */
  async delayAll(delay: Delay): Promise<void> {
    for (const [from, to] of pairsOf(this.lab.stack)) await this.lab.stack.link(from, to).setDelay(delay);
    this.#note('delay', 'all', `${delay.oneWayMillis} ms one way, up to ${delay.jitterMillis} ms more`);
  }

  /**
   * Makes a region the home of all strong shards. Planned: each home stops first, with all that it has taken decided. Forced:
   * the region stands, whatever the homes do. Every shard is noted when its handover was answered.
   */
  async handOver(to: string, how: 'planned' | 'forced'): Promise<void> {
    const region = this.lab.client(to);
    const { shards } = await untilAnswered(() => readTopology(region));
    const one = async (shard: number): Promise<void> => {
      const { epoch } = await untilAnswered(() => handOver(region, { shard, to, force: how === 'forced' }));
      this.#note('handover', `shard ${shard} to ${to}`, `${how}, epoch ${epoch}`);
    };
    await Promise.all(Array.from({ length: shards }, (_, shard) => one(shard)));
  }

  #note(fault: FaultKind, target: string, detail: string): void {
    for (const journal of this.journals) journal.fault(fault, target, detail);
  }
}
