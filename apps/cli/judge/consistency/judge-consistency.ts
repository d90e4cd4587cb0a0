import type { History } from '../history-line.js';
import type { Anomaly, Rule } from './anomaly.js';
import { judgeAtomicity } from './atomicity.js';
import { judgeBounds, type Bounds } from './bounds.js';
import { judgeConvergence } from './convergence.js';
import { fieldModels } from './field-model.js';
import { judgeQuorum, judgeStaleness } from './freshness.js';
import { judgeLinearizability } from './linearizability.js';
import { judgeCausalBySeen, judgeContexts, judgeSessionsBySeen } from './seen-order.js';
import { judgeValueOrder } from './value-order.js';

export const levels = ['eventual', 'session', 'causal', 'bounded', 'quorum', 'strong'] as const;
export type Level = (typeof levels)[number];

export interface ConsistencyQuestion {
  /** What the run had asked for. */
  readonly level: Level;
  /** How many regions there are. */
  readonly regions: number;
  /** Of its bounded counters. */
  readonly bounds?: Bounds;
}

export interface ConsistencyVerdict {
  readonly level: Level;
  readonly operations: number;
  /** By rule; rules that were looked at and hold are there with 0. */
  readonly broken: Readonly<Partial<Record<Rule, number>>>;
  /** Some of the anomalies of each rule, in words. */
  readonly examples: readonly Anomaly[];
}

/** Which rules a level promises; those of the levels below it that it keeps are among them. */
export const rulesOfLevel: Readonly<Record<Level, readonly Rule[]>> = {
  eventual: ['phantom', 'atomic-changes', 'staleness', 'writes-follow-reads', 'converged', 'bounds'],
  session: ['phantom', 'atomic-changes', 'staleness', 'converged', 'bounds', ...sessionRules()],
  causal: ['phantom', 'atomic-changes', 'staleness', 'converged', 'bounds', ...sessionRules(), 'causal'],
  bounded: [
    'phantom',
    'atomic-changes',
    'staleness',
    'writes-follow-reads',
    'converged',
    'bounds',
    'bounded',
  ],
  quorum: ['phantom', 'atomic-changes', 'staleness', 'writes-follow-reads', 'converged', 'bounds', 'quorum'],
  strong: ['phantom', 'atomic-changes', 'converged', 'bounds', 'linearizable'],
};

function sessionRules(): readonly Rule[] {
  return ['read-your-writes', 'monotonic-reads', 'monotonic-writes', 'writes-follow-reads'];
}

const examplesPerRule = 5;

/** Judges a history by all that its level promises. Pure. */
export function judgeConsistency(history: History, question: ConsistencyQuestion): ConsistencyVerdict {
  const rules = new Set(rulesOfLevel[question.level]);
  const found = anomaliesOf(history, question).filter(({ rule }) => rules.has(rule));
  const byRule = Map.groupBy(found, ({ rule }) => rule);
  return {
    level: question.level,
    operations: history.operations.length,
    broken: Object.fromEntries([...rules].map((rule) => [rule, byRule.get(rule)?.length ?? 0])),
    examples: [...byRule.values()].flatMap((same) => same.slice(0, examplesPerRule)),
  };
}

export function isClean({ broken }: ConsistencyVerdict): boolean {
  return Object.values(broken).every((count) => count === 0);
}

function anomaliesOf(
  { operations, finals }: History,
  { level, regions, bounds }: ConsistencyQuestion,
): readonly Anomaly[] {
  const models = fieldModels(operations);
  const scope = level === 'causal' ? 'causal' : 'session';
  return [
    ...judgeValueOrder(operations, models, scope),
    ...judgeContexts(operations),
    ...judgeSessionsBySeen(operations),
    ...(level === 'causal' ? judgeCausalBySeen(operations) : []),
    ...judgeAtomicity(operations, models),
    ...judgeStaleness(operations),
    ...judgeQuorum(operations, regions),
    ...judgeConvergence(operations, finals),
    ...(bounds === undefined ? [] : judgeBounds(operations, finals, models, bounds)),
    ...(level === 'strong' ? judgeLinearizability(operations) : []),
  ];
}
