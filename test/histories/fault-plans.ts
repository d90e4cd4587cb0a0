import type { Delay } from '#io/devstack/delay-matrix.js';
import type { FaultBook } from './fault-book.js';

/** Something that is done once so much of a run is over. */
export interface FaultStep {
  /** Share of the run, from 0 to 1; ascending. */
  readonly at: number;
  readonly act: (book: FaultBook) => Promise<void> | void;
}

export const faultSets = ['none', 'links', 'processes', 'handovers'] as const;
export type FaultSet = (typeof faultSets)[number];

/** What links of a run without faults are like: near, so that many operations fit into a minute. */
export const calm: Delay = { oneWayMillis: 8, jitterMillis: 2 };
const far: Delay = { oneWayMillis: 150, jitterMillis: 30 };

/** Cut both ways, one way, apart from everybody; delayed; and healed in between. */
const links: readonly FaultStep[] = [
  { at: 0.08, act: (book) => book.cut('us', 'eu') },
  { at: 0.18, act: (book) => book.heal('us', 'eu') },
  { at: 0.22, act: (book) => book.cut('eu', 'ap', true) },
  { at: 0.32, act: (book) => book.heal('eu', 'ap') },
  { at: 0.36, act: (book) => book.delay('us', 'ap', far) },
  { at: 0.46, act: (book) => book.cut('ap', 'us', true) },
  { at: 0.54, act: (book) => book.heal('ap', 'us') },
  { at: 0.56, act: (book) => book.delay('us', 'ap', calm) },
  {
    at: 0.6,
    act: async (book) => {
      await book.cut('us', 'eu');
      await book.cut('us', 'ap');
    },
  },
  {
    at: 0.7,
    act: async (book) => {
      await book.heal('us', 'eu');
      await book.heal('us', 'ap');
    },
  },
  { at: 0.74, act: (book) => book.delayAll(far) },
  { at: 0.84, act: (book) => book.delayAll(calm) },
  { at: 0.88, act: (book) => book.cut('us', 'eu', true) },
  { at: 0.94, act: (book) => book.heal('us', 'eu') },
];

/** Services, databases and brokers killed and started; services stopped and let go on. */
const processes: readonly FaultStep[] = [
  { at: 0.08, act: (book) => book.killService('us') },
  { at: 0.16, act: (book) => book.startService('us') },
  { at: 0.22, act: (book) => book.pauseService('eu') },
  { at: 0.28, act: (book) => book.resumeService('eu') },
  { at: 0.34, act: (book) => book.kill('ap', 'postgres') },
  { at: 0.4, act: (book) => book.start('ap', 'postgres') },
  { at: 0.46, act: (book) => book.kill('eu', 'kafka') },
  { at: 0.54, act: (book) => book.start('eu', 'kafka') },
  { at: 0.6, act: (book) => book.pauseService('ap') },
  { at: 0.66, act: (book) => book.resumeService('ap') },
  { at: 0.72, act: (book) => book.killService('eu') },
  { at: 0.78, act: (book) => book.startService('eu') },
  { at: 0.84, act: (book) => book.kill('us', 'postgres') },
  { at: 0.9, act: (book) => book.start('us', 'postgres') },
];

/**
 * Homes handed over: planned, forced, in turn and one right after the other; forced while the old homes are cut off from
 * everybody or stand still, and then find out.
 */
const handovers: readonly FaultStep[] = [
  { at: 0.06, act: (book) => book.handOver('us', 'planned') },
  { at: 0.14, act: (book) => book.handOver('eu', 'planned') },
  { at: 0.2, act: (book) => book.handOver('ap', 'forced') },
  { at: 0.26, act: (book) => book.handOver('us', 'forced') },
  { at: 0.32, act: (book) => book.handOver('ap', 'planned') },
  {
    at: 0.38,
    act: async (book) => {
      await book.handOver('eu', 'forced');
      await book.handOver('us', 'planned');
      await book.handOver('eu', 'forced');
    },
  },
  {
    at: 0.46,
    act: async (book) => {
      await book.cut('eu', 'us');
      await book.cut('eu', 'ap');
      await book.handOver('us', 'forced');
    },
  },
  {
    at: 0.56,
    act: async (book) => {
      await book.heal('eu', 'us');
      await book.heal('eu', 'ap');
    },
  },
  {
    at: 0.64,
    act: async (book) => {
      book.pauseService('us');
      await book.handOver('ap', 'forced');
    },
  },
  { at: 0.72, act: (book) => book.resumeService('us') },
  { at: 0.8, act: (book) => book.handOver('eu', 'planned') },
  { at: 0.88, act: (book) => book.handOver('us', 'forced') },
  { at: 0.94, act: (book) => book.handOver('ap', 'planned') },
];

/** The same in a few seconds, for a suite that has no time: links alone, then processes alone. */
const brieflyLinks: readonly FaultStep[] = [
  { at: 0.08, act: (book) => book.cut('us', 'eu') },
  { at: 0.28, act: (book) => book.heal('us', 'eu') },
  { at: 0.32, act: (book) => book.cut('eu', 'ap', true) },
  { at: 0.5, act: (book) => book.heal('eu', 'ap') },
  { at: 0.55, act: (book) => book.delayAll(far) },
  { at: 0.7, act: (book) => book.delayAll(calm) },
  { at: 0.74, act: (book) => book.cut('ap', 'us', true) },
  { at: 0.9, act: (book) => book.heal('ap', 'us') },
];
const brieflyProcesses: readonly FaultStep[] = [
  { at: 0.1, act: (book) => book.pauseService('eu') },
  { at: 0.35, act: (book) => book.resumeService('eu') },
  { at: 0.4, act: (book) => book.killService('us') },
  { at: 0.55, act: (book) => book.startService('us') },
];

const brieflyHandovers: readonly FaultStep[] = [
  { at: 0.1, act: (book) => book.handOver('us', 'planned') },
  { at: 0.3, act: (book) => book.handOver('eu', 'forced') },
  { at: 0.5, act: (book) => book.handOver('ap', 'planned') },
  { at: 0.7, act: (book) => book.handOver('us', 'forced') },
];

export type FaultPlans = Readonly<Record<FaultSet, readonly FaultStep[]>>;

export const faultPlans: FaultPlans = { none: [], links, processes, handovers };
export const briefFaultPlans: FaultPlans = {
  ...{ none: [], links: brieflyLinks, processes: brieflyProcesses, handovers: brieflyHandovers },
};
