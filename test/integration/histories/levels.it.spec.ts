import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { fieldModels } from '#cli/judge/consistency/field-model.js';
import { judgeConsistency } from '#cli/judge/consistency/judge-consistency.js';
import { judgeCausalBySeen, judgeSessionsBySeen } from '#cli/judge/consistency/seen-order.js';
import { judgeValueOrder } from '#cli/judge/consistency/value-order.js';
import type { History } from '#cli/judge/history-line.js';
import type { Journal } from '#cli/judge/journal.js';
import { briefFaultPlans, calm, faultPlans, type FaultSet } from '../../histories/fault-plans.js';
import { historyPlans, type HistoryPlan } from '../../histories/level-plans.js';
import { buildPorcupine, type Porcupine } from '../../histories/porcupine-program.js';
import { withOldRead } from '../../histories/old-read.js';
import { recordHistories } from '../../histories/record-history.js';
import { typesModule } from '../../histories/types-module.js';
import { openFaultLab, type FaultLab } from '../faults/fault-lab.js';
import type {} from '../global-setup.js';

const minute = 60_000;
const regions = ['us', 'eu', 'ap'];
const isLong = process.env['ATOLL_LONG'] === '1';

/**
 * How much is recorded per level and fault set, levels of the same types at the same time; of sessions, 100 000 operations
 * together when there is time.
 */
const brief = { clients: 12, operations: 1_000, perSecond: 200 };
const long = { clients: 32, operations: 20_000, perSecond: 200 };
const longSession = { clients: 48, operations: 50_000, perSecond: 500 };
/** Clients without tokens have to meet anomalies in that time. Whose reads fall around a cut is luck, so there are many. */
const briefControl = { clients: 72, operations: 4_000, perSecond: 800 };
const sizeOf = ({ name, level }: HistoryPlan) => {
  if (!isLong) return name === 'eventual' ? briefControl : brief;
  return level === 'session' ? longSession : long;
};
const millisMax = isLong ? 4 * minute : 5_000;
const plans = isLong ? faultPlans : briefFaultPlans;
/** A machine that is far slower than any still has to have done something. */
const operationsMin = brief.operations / 30;

let porcupine: Porcupine | undefined;
beforeAll(async () => {
  porcupine = await buildPorcupine();
}, 3 * minute);
afterAll(() => porcupine?.close());

const seed = Number(process.env['ATOLL_SEED'] ?? Math.floor(Math.random() * 1_000_000));

async function record(
  lab: FaultLab,
  group: readonly HistoryPlan[],
  faults: FaultSet,
): Promise<ReadonlyMap<HistoryPlan, History>> {
  console.log(`histories: ${group.map(({ name }) => name).join(', ')}, ${faults}: ATOLL_SEED=${seed}`);
  const wanted = group.map((plan) => ({ plan, run: `${plan.name}-${faults}-${seed}`, ...sizeOf(plan) }));
  const journals = await recordHistories(wanted, { lab, faults: plans[faults], seed, millisMax });
  return new Map(group.map((plan, at) => [plan, (journals[at] as Journal).history()]));
}

async function expectKept(plan: HistoryPlan, faults: FaultSet, history: History): Promise<void> {
  const bounds = plan.types === 'bounded-counter' ? { bounds: { min: 0 } } : {};
  const verdict = judgeConsistency(history, { level: plan.level, regions: regions.length, ...bounds });
  expect(verdict.examples).toEqual([]);
  if (plan.name === 'eventual' && faults === 'links') expectToNotice(history);
  if (plan.level === 'session' || plan.level === 'causal') expectToNoticeOldRead(history);
  const done = history.operations.filter(({ outcome }) => outcome === 'ok');
  expect(done.length).toBeGreaterThan(operationsMin);
  expect(history.finals.length).toBeGreaterThan(0);
  if (plan.level === 'strong' && porcupine !== undefined) {
    expect(await porcupine.judge(history.operations)).toMatchObject({ notLinearizable: 0, tooHard: 0 });
  }
}

/**
 * The control: clients without tokens, taken for sessions, do meet anomalies while links are cut. So the load provokes
 * what the levels above forbid, and both ways of judging see it.
 */
function expectToNotice({ operations }: History): void {
  const pretended = operations.map((line) => ({ ...line, session: `p${line.process}` }));
  expect(judgeSessionsBySeen(pretended).length).toBeGreaterThan(0);
  expect(judgeCausalBySeen(pretended).length).toBeGreaterThan(0);
  const byValues = (['session', 'causal'] as const).flatMap((scope) =>
    judgeValueOrder(pretended, fieldModels(pretended), scope),
  );
  expect(byValues.length).toBeGreaterThan(0);
}

/** The other control, which no luck is in: one read of the history shows something older, and both scopes see that. */
function expectToNoticeOldRead({ operations }: History): void {
  const changed = withOldRead(operations);
  for (const scope of ['session', 'causal'] as const) {
    const found = (lines: History['operations']) => judgeValueOrder(lines, fieldModels(lines), scope).length;
    expect(found(changed), scope).toBeGreaterThan(found(operations));
  }
}

const whatHappens: Readonly<Record<FaultSet, string>> = {
  none: 'nothing happens',
  links: 'links are cut both ways and one way, and delayed',
  processes: 'processes are stopped and killed',
  handovers: 'homes are handed over',
};
const faultsOf = (types: HistoryPlan['types']): readonly FaultSet[] =>
  types === 'strong' && isLong ? ['links', 'processes', 'handovers'] : ['links', 'processes'];

describe.each([...Map.groupBy(historyPlans, ({ types }) => types)])('of the types %s', (types, group) => {
  let lab: FaultLab;

  beforeAll(async () => {
    const latency = { default: calm, links: {} };
    const config = typesModule({ types });
    lab = await openFaultLab(inject('devStack'), { regions, latency, config });
  }, 2 * minute);
  afterAll(() => lab.close());

  describe.each(faultsOf(types))('with faults of the %s', (faults) => {
    let histories: ReadonlyMap<HistoryPlan, History>;
    beforeAll(
      async () => {
        histories = await record(lab, group, faults);
      },
      isLong ? 10 * minute : 4 * minute,
    );

    it.each(group.map((plan) => ({ name: plan.name, plan })))(
      `$name keeps its promise while ${whatHappens[faults]}`,
      async ({ plan }) => expectKept(plan, faults, histories.get(plan) as History),
      5 * minute,
    );
  });
});
