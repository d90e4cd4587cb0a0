import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { StackDescriptor } from '#io/devstack/stack.js';
import { faultSets, type FaultSet } from './fault-plans.js';
import { historyPlans, type HistoryPlan } from './level-plans.js';

export interface HistoriesArguments {
  readonly out: string;
  readonly plans: readonly HistoryPlan[];
  readonly faults: readonly FaultSet[];
  readonly operations: number;
  readonly clients: number;
  readonly seed: number;
  /** Measure what each level costs instead, so many times in each region. */
  readonly latencySamples: number | undefined;
  /** A running stack of three regions; else one is started. */
  readonly stack: StackDescriptor | undefined;
}

export const usage = `usage: npm run histories -- --out DIR [options]

  --out DIR         where the histories go, one file per level and fault set: <level>-<faults>.jsonl
  --only NAME       this level, or <level>-bounded-counter, alone (may be given several times)
  --faults NAME     this fault set alone: ${faultSets.join(', ')} (may be given several times)
  --operations N    operations that are done in each history (default 20000)
  --clients N       clients at once (default 48)
  --seed N          what clients draw from (default: another one every time)
  --latency N       record no histories; measure each level N times in each region on the global delay matrix, and leave
                    levels.json, levels.md and levels.svg in DIR
  --stack FILE      use the running dev stack that FILE (its stack.json) describes, instead of an own one
`;

/** @throws Error with a sentence for whoever typed it */
export function readArguments(args: readonly string[]): HistoriesArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      faults: { type: 'string', multiple: true, default: [] },
      operations: { type: 'string', default: '20000' },
      clients: { type: 'string', default: '48' },
      latency: { type: 'string' },
      stack: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    },
  });
  if (values.out === undefined) throw new Error('say with --out where the histories go');
  const names = historyPlans.map(({ name }) => name);
  const stray = values.only.find((name) => !names.includes(name));
  if (stray !== undefined) throw new Error(`there is no level "${stray}", only ${names.join(', ')}`);
  const unknown = values.faults.find((name) => !faultSets.includes(name as FaultSet));
  if (unknown !== undefined)
    throw new Error(`there is no fault set "${unknown}", only ${faultSets.join(', ')}`);
  return {
    out: values.out,
    plans: historyPlans.filter(({ name }) => values.only.length === 0 || values.only.includes(name)),
    faults: faultSets.filter((name) => values.faults.length === 0 || values.faults.includes(name)),
    operations: readCount('--operations', values.operations),
    clients: readCount('--clients', values.clients),
    seed: readCount('--seed', values.seed),
    latencySamples: values.latency === undefined ? undefined : readCount('--latency', values.latency),
    stack:
      values.stack === undefined
        ? undefined
        : (JSON.parse(readFileSync(values.stack, 'utf8')) as StackDescriptor),
  };
}

function readCount(flag: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${flag} takes a whole number, not "${text}"`);
  return Number(text);
}
