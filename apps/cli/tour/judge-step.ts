import type { RegionClient } from '#client/region-client.js';
import type { Journal } from '../judge/journal.js';
import { rulesOf } from '../judge/field-rules.js';
import { totalsOf, totalsText } from '../load/retail-plan.js';
import atoll from './atoll.config.js';
import type { ReplayedDocument } from './document-step.js';
import type { PlayedExample } from './examples/play.js';
import type { ReplayedLines } from './replay-step.js';
import type { TourReport } from './report.js';
import type { TourInput } from './tour-input.js';
import {
  countAliases,
  gatherEvidence,
  isConverged,
  sha256Hex,
  soldIn,
  weighConcurrency,
  weighConflicts,
  weighWrites,
  type RegionEvidence,
} from './weigh.js';

export interface JudgeStep {
  readonly clients: readonly RegionClient[];
  readonly journal: Journal;
  readonly input: TourInput;
  readonly before: ReadonlyMap<string, number>;
  readonly retail: ReplayedLines;
  readonly document: ReplayedDocument;
  readonly examples: readonly PlayedExample[];
}

export type JudgedTour = Omit<
  TourReport,
  'lagMillis' | 'seconds' | 'regions' | 'history' | 'startedAt' | 'node'
>;

/** Judges the run from the journal and from what every region shows in the end. */
export async function judgeTour(step: JudgeStep): Promise<JudgedTour> {
  const { clients, journal, before, examples, retail } = step;
  const evidence = await gatherEvidence(clients, journal);
  const judged = weighWrites(evidence, journal, before);
  const { commands, concurrent } = weighConcurrency(evidence, (id) => retail.mutationIds.has(id));
  const { again, elsewhere, raced } = retail.counts.retried;
  const found: Omit<JudgedTour, 'passed' | 'failures'> = {
    converged: isConverged(evidence) && judged.differences === 0,
    lostWrites: judged.lostWrites,
    doubleApplied: judged.doubleApplied,
    conflicts: weighConflicts(evidence, rulesOf(atoll.entityTypes)),
    retail: weighRetail(step, evidence),
    document: weighDocument(step.document, evidence),
    concurrency: {
      commands,
      concurrent,
      share: Math.round((concurrent / Math.max(1, commands)) * 10_000) / 10_000,
    },
    retries: {
      ...retail.counts.retried,
      total: again + elsewhere + raced,
      answeredAsBefore: retail.counts.answeredAsBefore,
      aliases: countAliases(evidence),
    },
    moves: retail.counts.moves,
    cut: retail.cut,
    examples: examples.map(({ name, passed, expectations, table }) => ({
      name,
      passed,
      expectations,
      table,
    })),
    judged,
  };
  const failures = failuresOf(found, step.input);
  return { passed: failures.length === 0, failures, ...found };
}

function weighRetail(
  { input, before, retail }: JudgeStep,
  evidence: readonly RegionEvidence[],
): TourReport['retail'] {
  const totals = totalsOf(input.lines);
  const digestOfSequentialPass = sha256Hex(totalsText(totals));
  const digest = Object.fromEntries(
    evidence.map((own) => [own.region, sha256Hex(totalsText(soldIn(own, totals.keys(), before)))]),
  );
  return {
    linesReplayed: retail.counts.commands / 2,
    commands: retail.counts.commands,
    totalsEqualSequentialPass: Object.values(digest).every((one) => one === digestOfSequentialPass),
    digest,
    digestOfSequentialPass,
    commandsPerSecond: Math.round(retail.counts.commands / retail.seconds),
  };
}

function weighDocument(
  document: ReplayedDocument,
  evidence: readonly RegionEvidence[],
): TourReport['document'] {
  const texts = evidence.map(
    ({ entities }) =>
      entities.find(({ type, id }) => type === document.entity.type && id === document.entity.id)?.value?.[
        'body'
      ],
  );
  const { writers, transactions, runs, longestChain } = document;
  return {
    ...{ transactions, writers, runs, longestChain },
    equalsBareReplay: texts.every((text) => text === document.text),
    sameInAllRegions: texts.every((text) => text === texts[0]),
  };
}

/** Fewer lines cannot make so many conflicts, retries and concurrent commands. */
const linesForThresholds = 5_000;
const conflictsMin = 100;
const retriesMin = 200;
const concurrentShareMin = 0.05;

/** What is demanded and is not so, in words. */
function failuresOf(found: Omit<JudgedTour, 'passed' | 'failures'>, { lines }: TourInput): readonly string[] {
  const { conflicts, retail, document, concurrency, retries, moves, judged } = found;
  const isLarge = lines.length >= linesForThresholds;
  const demands: readonly (readonly [boolean, string])[] = [
    [found.converged, 'the regions do not read the same'],
    [found.lostWrites === 0, `${found.lostWrites} acknowledged writes are lost`],
    [found.doubleApplied === 0, `${found.doubleApplied} commands count twice`],
    [judged.phantoms === 0, `${judged.phantoms} effects that nobody was told of`],
    [judged.looked.unknown === 0, `${judged.looked.unknown} commands have an unknown outcome`],
    [judged.looked.failed === 0, `${judged.looked.failed} commands were refused`],
    [conflicts.sameInAllRegions, 'the regions recorded different conflicts'],
    [conflicts.equalsOracle, 'the conflicts are not those that the events make by definition'],
    [!isLarge || conflicts.recorded >= conflictsMin, `only ${conflicts.recorded} conflicts were recorded`],
    [retail.linesReplayed === lines.length, `only ${retail.linesReplayed} lines were replayed`],
    [retail.totalsEqualSequentialPass, 'the totals differ from a sequential pass over the file'],
    [document.sameInAllRegions, 'the document differs between the regions'],
    [document.equalsBareReplay, 'the document differs from a bare replay'],
    [!isLarge || retries.total >= retriesMin, `only ${retries.total} commands were sent twice`],
    [
      !isLarge || concurrency.share >= concurrentShareMin,
      `only ${(concurrency.share * 100).toFixed(1)} % of the commands were concurrent with another region`,
    ],
    [moves.readTheirWrites === moves.customers, 'a customer who moved did not read what they had written'],
    ...found.examples.map(({ name, passed }) => [passed, `the example "${name}" went otherwise`] as const),
  ];
  return demands.filter(([holds]) => !holds).map(([, failure]) => failure);
}
