import { preferThisProcess } from '../side/prefer-process.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';
import { sharedMillis } from '../machine.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import { openBatchChannel, type BatchChannel, type ChangeMessage } from './batch-channel.js';
import { closedLoop } from './closed-loop.js';
import { entityId, writeLoad, type WriteLoadOptions } from './document-writes.js';
import { openLoop } from './open-loop.js';
import { writeTally, type TalliedWrites } from './write-tally.js';

export interface GeneratorSettings {
  /** `host:port` of the region it writes to. */
  readonly grpc: string;
  readonly load: WriteLoadOptions;
}

export type GeneratorOrder =
  | {
      readonly kind: 'open';
      readonly perSecond: number;
      readonly seconds: number;
      /** Also says how it went in each part of so many seconds. */
      readonly sliceSeconds?: number;
      /** Says which events it wrote, and when. */
      readonly lists?: true;
    }
  /** As much as goes through with so many writes in flight, so many of them in one call. */
  | {
      readonly kind: 'closed';
      readonly inFlight: number;
      readonly batch: number;
      readonly seconds: number;
    }
  /** Ends an open loop before its time. */
  | { readonly kind: 'stop' };

export interface GeneratorAnswer extends TalliedWrites {
  readonly begun: number;
  /** Until the last one was answered. */
  readonly seconds: number;
  /** How much later than due the writes were sent; all 0 where the loop is closed. */
  readonly lateMillis: Percentiles;
  /** Of the generator itself. */
  readonly costs: SideCosts;
}

/** A call is due every so often, with all writes of that time: it costs both ends more than the writes in it. */
const tickMillis = 5;
const callWritesMax = 256;

type Done = Omit<GeneratorAnswer, 'costs'>;

/** A load generator in a process of its own, over the public batch RPC, with any number of calls in flight. */
serveSide<GeneratorSettings, GeneratorOrder, GeneratorAnswer>(({ grpc, load: options }) => {
  preferThisProcess();
  const channel = openBatchChannel(grpc);
  const load = writeLoad(options);
  const change = (): ChangeMessage => ({
    type: 'document',
    id: entityId(load.nextEntity()),
    operations: [{ field: 'body', op: 'set', argumentsJson: JSON.stringify({ value: load.nextBody() }) }],
  });
  const source: Source = { channel, change, stopped: false };
  return Promise.resolve({
    async carryOut(order) {
      const spent = countCosts();
      return { ...(await carriedOut(source, order)), costs: spent() };
    },
    close: () => Promise.resolve(channel.close()),
  });
});

interface Source {
  readonly channel: BatchChannel;
  readonly change: () => ChangeMessage;
  stopped: boolean;
}

const nothing: Done = {
  begun: 0,
  seconds: 0,
  lateMillis: percentilesOf([]),
  ...writeTally({ began: 0, sliceSeconds: 1, lists: false }).result(),
};

function carriedOut(source: Source, order: GeneratorOrder): Promise<Done> {
  if (order.kind === 'open') return open(source, order);
  if (order.kind === 'closed') return closed(source, order);
  source.stopped = true;
  return Promise.resolve(nothing);
}

type Order<Kind extends GeneratorOrder['kind']> = Extract<GeneratorOrder, { readonly kind: Kind }>;

async function open(
  source: Source,
  { perSecond, seconds, sliceSeconds = seconds, lists }: Order<'open'>,
): Promise<Done> {
  const { channel, change } = source;
  source.stopped = false;
  const began = sharedMillis();
  const tally = writeTally({ began, sliceSeconds, lists: lists === true });
  const under = new Set<Promise<void>>();
  let changes: ChangeMessage[] = [];
  let intended: number[] = [];
  const send = (): void => {
    if (changes.length === 0) return;
    const due = intended;
    const one = channel.batch(changes).then((outcomes) => tally.answered(outcomes, due));
    [changes, intended] = [[], []];
    under.add(one);
    void one.then(() => under.delete(one));
  };
  const { begun, lateMillis } = await openLoop({
    perSecond,
    seconds,
    tickMillis,
    begin(_number, due) {
      changes.push(change());
      intended.push(due);
      if (changes.length === callWritesMax) send();
    },
    ticked: send,
    stopped: () => source.stopped,
  });
  await Promise.all(under);
  return { begun, lateMillis, seconds: (sharedMillis() - began) / 1000, ...tally.result() };
}

async function closed(
  { channel, change }: Source,
  { inFlight, batch, seconds }: Order<'closed'>,
): Promise<Done> {
  const began = sharedMillis();
  const tally = writeTally({ began, sliceSeconds: seconds, lists: false });
  const result = await closedLoop({
    inFlight: inFlight / batch,
    seconds,
    async act() {
      const sent = sharedMillis();
      const outcomes = await channel.batch(Array.from({ length: batch }, change));
      tally.answered(
        outcomes,
        outcomes.map(() => sent),
      );
    },
  });
  const begun = result.writes * batch;
  return { begun, lateMillis: percentilesOf([]), seconds: result.seconds, ...tally.result() };
}
