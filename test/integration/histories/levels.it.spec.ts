import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { fieldModels } from '#cli/judge/consistency/field-model.js';
import { judgeConsistency } from '#cli/judge/consistency/judge-consistency.js';
import { judgeCausalBySeen, judgeSessionsBySeen } from '#cli/judge/consistency/seen-order.js';
import { judgeValueOrder } from '#cli/judge/consistency/value-order.js';
import type { History } from '#cli/judge/history-line.js';
import { briefFaultPlans, calm, faultPlans, type FaultSet } from '../../histories/fault-plans.js';
import { historyPlans, type HistoryPlan } from '../../histories/level-plans.js';
import { buildPorcupine, type Porcupine } from '../../histories/porcupine-program.js';
import { recordHistory } from '../../histories/record-history.js';
import { typesModule, whyNotDeclared, whyNotServed } from '../../histories/served.js';
import { openFaultLab, type FaultLab } from '../faults/fault-lab.js';
import type {} from '../global-setup.js';

const minute = 60_000;
const regions = ['us', 'eu', 'ap'];
const isLong = process.env['ATOLL_LONG'] === '1';

/** How much is recorded per level and fault set; of sessions, 100 000 operations together when there is time. */
const brief = { clients: 24, operations: 1_400, perSecond: 400, millisMax: 3_300 };
const long = { clients: 48, operations: 20_000, perSecond: 450, millisMax: 2 * minute };
const longSession = { clients: 48, operations: 50_000, perSecond: 500, millisMax: 4 * minute };
const sizeOf = ({ level }: HistoryPlan) => {
  if (!isLong) return brief;
  return level === 'session' ? longSession : long;
};
const plans = isLong ? faultPlans : briefFaultPlans;
/** A machine that is far slower than any still has to have done something. */
const operationsMin = brief.operations / 30;

let porcupine: Porcupine | undefined;
beforeAll(async () => {
  porcupine = await buildPorcupine();
}, 3 * minute);
afterAll(() => porcupine?.close());

const seed = Number(process.env['ATOLL_SEED'] ?? Math.floor(Math.random() * 1_000_000));

async function keepsItsPromise(lab: FaultLab, plan: HistoryPlan, faults: FaultSet): Promise<void> {
  const why = await whyNotServed(lab, plan);
  if (why !== undefined) return expect(why).toMatch(/not available/);
  console.log(`histories: ${plan.name}, ${faults}: ATOLL_SEED=${seed}`);
  const run = `${plan.name}-${faults}-${seed}`;
  const journal = await recordHistory({ lab, plan, faults: plans[faults], run, seed, ...sizeOf(plan) });
  const history = journal.history();
  const bounds = plan.types === 'bounded-counter' ? { bounds: { min: 0 } } : {};
  const verdict = judgeConsistency(history, { level: plan.level, regions: regions.length, ...bounds });
  expect(verdict.examples).toEqual([]);
  if (plan.name === 'eventual' && faults === 'links') expectToNotice(history);
  const done = history.operations.filter(({ outcome }) => outcome === 'ok');
  expect(done.length).toBeGreaterThan(operationsMin);
  expect(history.finals.length).toBeGreaterThan(0);
  if (plan.level === 'strong' && porcupine !== undefined) {
    expect(await porcupine.judge(history.operations)).toMatchObject({ notLinearizable: 0, tooHard: 0 });
  }
  return undefined;
}

/**
 * The control: clients without tokens, taken for sessions, do meet anomalies while links are cut. So the load provokes
 * what the levels above forbid, and both ways of judging see it.
 */
function expectToNotice({ operations }: History): void {
  const pretended = operations.map((line) => ({ ...line, session: `p${line.process}` }));
  expect(judgeSessionsBySeen(pretended).length).toBeGreaterThan(0);
  expect(judgeCausalBySeen(pretended).length).toBeGreaterThan(0);
  for (const scope of ['session', 'causal'] as const)
    expect(judgeValueOrder(pretended, fieldModels(pretended), scope).length).toBeGreaterThan(0);
}

describe.each([...Map.groupBy(historyPlans, ({ types }) => types)])('of the types %s', (_types, group) => {
  let lab: FaultLab | undefined;
  let undeclared: string | undefined;
  const [first] = group as [HistoryPlan, ...HistoryPlan[]];

  beforeAll(async () => {
    undeclared = await whyNotDeclared(first);
    if (undeclared !== undefined) return;
    const latency = { default: calm, links: {} };
    lab = await openFaultLab(inject('devStack'), { regions, latency, config: typesModule(first) });
  }, 2 * minute);
  afterAll(() => lab?.close());

  const cells = group.flatMap((plan) => [
    {
      name: plan.name,
      plan,
      faults: 'links' as const,
      while: 'links are cut both ways and one way, and delayed',
    },
    { name: plan.name, plan, faults: 'processes' as const, while: 'processes are stopped and killed' },
    ...(plan.level === 'strong' && isLong
      ? [{ name: plan.name, plan, faults: 'handovers' as const, while: 'homes are handed over' }]
      : []),
  ]);
  it.each(cells)(
    '$name keeps its promise while $while, or is refused where it is not served',
    async ({ plan, faults }) => {
      if (lab === undefined) return expect(undeclared).toMatch(/not (yet )?available/);
      return keepsItsPromise(lab, plan, faults);
    },
    isLong ? 10 * minute : 4 * minute,
  );
});
