import type { Json, JsonObject } from '#core/json.js';
import { isWrite, partsOf, type OperationLine } from './history-line.js';
import { stableText } from './stable-json.js';
import { Findings, type FinalValue, type LoggedEvent, type Verdict } from './verdict.js';

export interface Evidence {
  /** All operations of the journal. */
  readonly operations: readonly OperationLine[];
  readonly regions: readonly string[];
  /** The logs of all regions, one entry per stored event; `undefined` where only values are judged. */
  readonly logs: readonly LoggedEvent[] | undefined;
  readonly finals: readonly FinalValue[];
  /** What counters read as before the run, by `valueKey`; absent: 0. */
  readonly before?: ReadonlyMap<string, number>;
  /** Fields whose value is not made of the values written (text, custom). */
  readonly isOpaque?: (type: string, field: string) => boolean;
}

export function valueKey(type: string, id: string, field: string): string {
  return `${type}\n${id}\n${field}`;
}

/**
 * Judges a run by the clients' own journal: every acknowledged write is in every region's log and counted once, no
 * command counts twice, nothing took effect that was answered as failed, and all regions read the same. The service
 * is believed in nothing but its logs and its final values, which are what is judged.
 */
export function judge(evidence: Evidence): Verdict {
  const findings = new Findings();
  const { operations, logs, finals, regions } = evidence;
  const writes = operations.filter(isWrite);
  if (logs !== undefined) judgeLogs(writes, logs, regions, findings);
  judgeValues(evidence, writes, findings);
  judgeAgreement(finals, findings);
  const count = (outcome: string): number => writes.filter((line) => line.outcome === outcome).length;
  return {
    lostWrites: findings.count('lost'),
    doubleApplied: findings.count('doubled'),
    phantoms: findings.count('phantom'),
    differences: findings.count('differs'),
    findings: findings.kept(),
    looked: {
      acknowledged: count('ok'),
      unknown: count('unknown'),
      failed: writes.filter((line) => line.outcome === 'fail' && line.output !== false).length,
      events: logs?.length ?? 0,
      values: finals.length,
    },
  };
}

function describe(line: OperationLine): string {
  const asked = partsOf(line)
    .slice(0, 3)
    .map(
      (part) =>
        `${part.kind} ${part.type}/${part.id} ${part.field} ${JSON.stringify(part.input).slice(0, 60)}`,
    );
  return `${asked.join(', ')} (mutation ${line.mutationId}, dot ${line.dot ?? 'none'}, answered by ${line.region})`;
}

function judgeLogs(
  writes: readonly OperationLine[],
  logs: readonly LoggedEvent[],
  regions: readonly string[],
  findings: Findings,
): void {
  for (const region of regions) {
    const byMutation = indexLog(
      logs.filter((event) => event.region === region),
      findings,
    );
    for (const line of writes) {
      if (line.mutationId === null) continue;
      const events = byMutation.get(line.mutationId) ?? [];
      const counted = events.filter((event) => !event.alias).length;
      if (counted > 1) {
        findings.add(
          'doubled',
          line.mutationId,
          `${region} counts ${counted} events of one command: ${describe(line)}`,
        );
      }
      if (line.outcome === 'fail' && events.length > 0) {
        findings.add(
          'phantom',
          line.mutationId,
          `${region} stores what was answered as failed: ${describe(line)}`,
        );
      }
      if (line.outcome !== 'ok') continue;
      if (!events.some((event) => event.dot === line.dot)) {
        findings.add('lost', line.mutationId, `the log of ${region} lacks ${describe(line)}`);
      } else if (counted === 0) {
        findings.add('lost', line.mutationId, `${region} counts every event as an alias: ${describe(line)}`);
      }
    }
  }
}

/** Events of one region by mutation id; a dot that stands twice in one log is reported. */
function indexLog(
  events: readonly LoggedEvent[],
  findings: Findings,
): ReadonlyMap<string, readonly LoggedEvent[]> {
  const byMutation = new Map<string, LoggedEvent[]>();
  const dots = new Set<string>();
  for (const event of events) {
    if (dots.has(event.dot))
      findings.add('doubled', event.mutationId, `${event.region} stores the dot ${event.dot} twice`);
    dots.add(event.dot);
    const same = byMutation.get(event.mutationId);
    if (same) same.push(event);
    else byMutation.set(event.mutationId, [event]);
  }
  return byMutation;
}

/** What the journal says about one field. */
interface Expectation {
  readonly type: string;
  readonly field: string;
  /** Sums of increments: acknowledged, and the unknown ones that lower or raise it. */
  counted: boolean;
  sum: number;
  unknownBelow: number;
  unknownAbove: number;
  hasNegative: boolean;
  hasPositive: boolean;
  /** Values that may be read: written or added, acknowledged or unknown. As JSON text. */
  readonly possible: Set<string>;
  /** Elements that were surely added. */
  readonly added: Set<string>;
  /** Elements that somebody may have removed. */
  readonly removed: Set<string>;
  /** A removal or delete may have taken some of it: sums and values are then not judged. */
  taken: boolean;
}

function judgeValues(evidence: Evidence, writes: readonly OperationLine[], findings: Findings): void {
  const expected = expectations(writes);
  for (const final of evidence.finals) {
    const key = valueKey(final.type, final.id, final.field);
    const expectation = expected.get(key);
    if (expectation === undefined || expectation.taken) continue;
    if (evidence.isOpaque?.(final.type, final.field) === true) continue;
    if (expectation.counted) judgeSum(final, expectation, evidence.before?.get(key) ?? 0, findings);
    // Of a map as a whole the journal tells only what was removed; its entries are judged one by one.
    else if (expectation.possible.size > 0) judgeMembers(final, expectation, findings);
  }
}

function expectations(writes: readonly OperationLine[]): ReadonlyMap<string, Expectation> {
  const expected = new Map<string, Expectation>();
  const taken = new Set<string>();
  for (const line of writes) {
    if (line.outcome === 'fail') continue;
    for (const part of partsOf(line).filter(({ kind }) => kind !== 'read' && kind !== 'transfer')) {
      if (part.field === '*') taken.add(valueKey(part.type, part.id, ''));
      if (part.kind === 'remove')
        taken.add(valueKey(part.type, part.id, `${part.field}/${encodeURIComponent(String(part.input))}`));
      const key = valueKey(part.type, part.id, part.field);
      let found = expected.get(key);
      if (found === undefined) expected.set(key, (found = nothingExpected(part.type, part.field)));
      expect(found, part.kind, part.input, line.outcome === 'ok');
    }
  }
  for (const [key, expectation] of expected) {
    const [type = '', id = ''] = key.split('\n');
    expectation.taken = taken.has(key) || taken.has(valueKey(type, id, ''));
  }
  return expected;
}

function nothingExpected(type: string, field: string): Expectation {
  return {
    type,
    field,
    counted: false,
    sum: 0,
    unknownBelow: 0,
    unknownAbove: 0,
    hasNegative: false,
    hasPositive: false,
    possible: new Set(),
    added: new Set(),
    removed: new Set(),
    taken: false,
  };
}

function expect(found: Expectation, kind: string, input: Json, acknowledged: boolean): void {
  if (kind === 'increment' || kind === 'spend') {
    const by = kind === 'spend' ? -Number(input) : Number(input);
    found.counted = true;
    if (by < 0) found.hasNegative = true;
    if (by > 0) found.hasPositive = true;
    if (acknowledged) found.sum += by;
    else if (by < 0) found.unknownBelow += by;
    else found.unknownAbove += by;
    return;
  }
  const text = stableText(kind === 'cas' ? ((input as JsonObject)['value'] ?? null) : input);
  if (kind === 'remove') found.removed.add(text);
  else found.possible.add(text);
  if (kind === 'add' && acknowledged) found.added.add(text);
}

function judgeSum(final: FinalValue, expected: Expectation, before: number, findings: Findings): void {
  const place = `${final.type}/${final.id} ${final.field}`;
  const value = final.value === null ? 0 : Number(final.value);
  const least = before + expected.sum + expected.unknownBelow;
  const most = before + expected.sum + expected.unknownAbove;
  if (value >= least && value <= most) return;
  const range = least === most ? String(least) : `${least} to ${most}`;
  const what = `${final.region} reads ${value} in ${place}, the journal says ${range}`;
  // Too little is a lost increase or a doubled decrease: where both are possible it is called lost.
  const tooLittle = value < least ? expected.hasPositive : !expected.hasPositive;
  findings.add(tooLittle ? 'lost' : 'doubled', place, what);
}

function judgeMembers(final: FinalValue, expected: Expectation, findings: Findings): void {
  const place = `${final.type}/${final.id} ${final.field}`;
  const read = membersOf(final.value).map(stableText);
  for (const member of read) {
    if (!expected.possible.has(member)) {
      findings.add(
        'phantom',
        `${place} ${member}`,
        `${final.region} reads ${member} in ${place}, which nobody wrote`,
      );
    }
  }
  for (const element of expected.added) {
    if (expected.removed.has(element) || read.includes(element)) continue;
    findings.add(
      'lost',
      `${place} ${element}`,
      `${final.region} lacks ${element} in ${place}, which nobody removed`,
    );
  }
}

function membersOf(value: Json): readonly Json[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value as readonly Json[];
  const siblings = typeof value === 'object' ? (value as JsonObject)['siblings'] : undefined;
  return Array.isArray(siblings) ? (siblings as readonly Json[]) : [value];
}

function judgeAgreement(finals: readonly FinalValue[], findings: Findings): void {
  const first = new Map<string, FinalValue>();
  for (const final of finals) {
    const key = valueKey(final.type, final.id, final.field);
    const other = first.get(key);
    if (other === undefined) first.set(key, final);
    else if (stableText(other.value) !== stableText(final.value)) {
      const read = [other, final].map(({ region, value }) => `${region} reads ${JSON.stringify(value)}`);
      findings.add(
        'differs',
        key,
        `${final.type}/${final.id} ${final.field}: ${read.join(', ')}`.slice(0, 400),
      );
    }
  }
}
