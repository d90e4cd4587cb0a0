import type { Json } from '#core/json.js';
import { partsOf, type OperationLine, type Part } from '../history-line.js';
import { stableText } from '../stable-json.js';
import type { Anomaly, Rule } from './anomaly.js';
import { elementsOf, namePlace, placeOf, writtenValue, type FieldModel } from './field-model.js';
import { isBeforeOrSame, joinInto, lastUpTo, SessionClocks, type Stamp } from './session-clocks.js';
import { entityOf, nameLine } from './timeline.js';

/** A write of a part, where it stands. */
interface PlacedWrite {
  readonly line: OperationLine;
  readonly part: Part;
  readonly stamp: Stamp;
  readonly index: number;
  /** Of a counter: the sum of the session's increments of the place up to this one. */
  readonly sum: number;
}

/**
 * Judges by what clients read and wrote alone; neither dots nor version vectors are looked at.
 *
 * Happened-before: the order within a session, and from a write to a read that shows its value. A read breaks the promise
 * when a write before it overwrote what it shows, was added and is not shown, or counts and is not counted (the bad
 * patterns of Bouajjani et al., "On Verifying Causal Consistency", POPL 2017: WriteCORead, WriteCOInitRead, ThinAirRead).
 *
 * `session`: each entity by itself, so that it is exactly the four session guarantees. `causal`: all entities together.
 */
export function judgeValueOrder(
  operations: readonly OperationLine[],
  models: ReadonlyMap<string, FieldModel>,
  scope: 'session' | 'causal',
): readonly Anomaly[] {
  const phantoms = judgePhantoms(operations, models);
  if (scope === 'causal') return [...phantoms, ...new ValueOrder(operations, models, scope).judge()];
  const byEntity = Map.groupBy(operations, entityOf);
  return [
    ...phantoms,
    ...[...byEntity.values()].flatMap((lines) => new ValueOrder(lines, models, scope).judge()),
  ];
}

/** Values and elements that are shown although nobody wrote them, or although their write was answered as failed. */
function judgePhantoms(
  operations: readonly OperationLine[],
  models: ReadonlyMap<string, FieldModel>,
): readonly Anomaly[] {
  const possible = new Map<string, bigint>();
  for (const line of operations) {
    if (line.outcome === 'fail') continue;
    for (const part of partsOf(line)) {
      if (part.kind !== 'read' && part.kind !== 'remove')
        possible.set(`${placeOf(part)}\n${stableText(writtenValue(part))}`, BigInt(line.invoked));
    }
  }
  const anomalies: Anomaly[] = [];
  for (const line of operations) {
    if (line.outcome !== 'ok' || line.completed === null) continue;
    for (const part of partsOf(line).filter(({ kind }) => kind === 'read')) {
      for (const value of shownValues(part, models)) {
        const from = possible.get(`${placeOf(part)}\n${stableText(value)}`);
        if (from !== undefined && from <= BigInt(line.completed)) continue;
        const why = from === undefined ? 'which nobody wrote' : 'which was written later';
        const what = `${nameLine(line)} shows ${stableText(value)} in ${part.field}, ${why}`;
        anomalies.push({ rule: 'phantom', what });
      }
    }
  }
  return anomalies;
}

function shownValues(part: Part, models: ReadonlyMap<string, FieldModel>): readonly Json[] {
  const model = models.get(placeOf(part));
  if (model === 'set') return elementsOf(part.output);
  return model === 'register' && part.output !== null ? [part.output] : [];
}

class ValueOrder {
  readonly #clocks: SessionClocks;
  /** By place and value. */
  readonly #writers = new Map<string, PlacedWrite>();
  /** By place and session number, in session order. */
  readonly #writes = new Map<string, Map<number, PlacedWrite[]>>();
  /** Removals of elements, whatever became of them, by place and element. */
  readonly #removals = new Map<string, PlacedWrite[]>();
  readonly #anomalies: Anomaly[] = [];

  constructor(
    operations: readonly OperationLine[],
    private readonly models: ReadonlyMap<string, FieldModel>,
    private readonly scope: 'session' | 'causal',
  ) {
    this.#clocks = new SessionClocks(operations);
  }

  judge(): readonly Anomaly[] {
    this.#clocks.follow(
      (line, stamp) => this.#place(line, stamp),
      (line, stamp) => {
        const reads = partsOf(line).filter(({ kind }) => kind === 'read');
        for (const part of reads) this.#learn(part, stamp);
        if (line.session !== null) for (const part of reads) this.#check(line, part, stamp);
      },
    );
    return this.#anomalies;
  }

  #place(line: OperationLine, stamp: Stamp): void {
    for (const part of partsOf(line)) {
      if (part.kind === 'read') continue;
      const place = placeOf(part);
      const bySession = this.#writes.get(place) ?? new Map<number, PlacedWrite[]>();
      const own = bySession.get(stamp.session) ?? [];
      const sum = (own.at(-1)?.sum ?? 0) + (part.kind === 'increment' ? Number(part.input) : 0);
      const placed = { line, part, stamp, index: stamp.index, sum };
      const key = `${place}\n${stableText(writtenValue(part))}`;
      if (part.kind === 'remove') {
        this.#removals.set(key, [...(this.#removals.get(key) ?? []), placed]);
        continue;
      }
      this.#writers.set(key, placed);
      if (stamp.session < 0) continue;
      own.push(placed);
      bySession.set(stamp.session, own);
      this.#writes.set(place, bySession);
    }
  }

  /** A read is after the writes whose values it shows, and after all that is before those. */
  #learn(part: Part, { clock }: Stamp): void {
    for (const value of shownValues(part, this.models)) {
      const writer = this.#writers.get(`${placeOf(part)}\n${stableText(value)}`);
      if (writer === undefined) continue;
      const { session, index } = writer.stamp;
      if (session < 0 || (clock[session] ?? 0) < index) joinInto(clock, writer.stamp.clock);
    }
  }

  #check(line: OperationLine, part: Part, stamp: Stamp): void {
    switch (this.models.get(placeOf(part))) {
      case 'register':
        return this.#checkRegister(line, part, stamp);
      case 'set':
        return this.#checkSet(line, part, stamp);
      case 'counter':
        return this.#checkCounter(line, part, stamp);
      default:
        return undefined;
    }
  }

  *#before(part: Part, stamp: Stamp): Iterable<readonly [readonly PlacedWrite[], PlacedWrite]> {
    for (const [session, writes] of this.#writes.get(placeOf(part)) ?? []) {
      const last = lastUpTo(writes, stamp.clock[session] ?? 0);
      if (last !== undefined) yield [writes, last];
    }
  }

  #checkRegister(line: OperationLine, part: Part, stamp: Stamp): void {
    const shown = this.#writers.get(`${placeOf(part)}\n${stableText(part.output)}`);
    if (shown === undefined && part.output !== null) return;
    for (const [, last] of this.#before(part, stamp)) {
      if (last === shown) continue;
      if (shown === undefined || isBeforeOrSame(shown.stamp, last.stamp)) {
        const instead = `shows ${stableText(part.output)} in ${part.field}, which was overwritten`;
        this.#report(line, stamp, last, instead);
      }
    }
  }

  #checkSet(line: OperationLine, part: Part, stamp: Stamp): void {
    const shown = new Set(elementsOf(part.output).map(stableText));
    for (const [writes] of this.#before(part, stamp)) {
      for (const add of writes) {
        if (!isBeforeOrSame(add.stamp, stamp)) break;
        const element = stableText(add.part.input);
        if (shown.has(element)) continue;
        const removals = this.#removals.get(`${placeOf(part)}\n${element}`) ?? [];
        if (removals.some((removal) => BigInt(removal.line.invoked) <= BigInt(line.completed ?? '0')))
          continue;
        this.#report(line, stamp, add, `lacks ${element} in ${part.field}, which nobody had removed`);
      }
    }
    for (const element of shown) {
      const add = this.#writers.get(`${placeOf(part)}\n${element}`);
      for (const removal of this.#removals.get(`${placeOf(part)}\n${element}`) ?? []) {
        if (add === undefined || !isBeforeOrSame(removal.stamp, stamp)) continue;
        if (isBeforeOrSame(add.stamp, removal.stamp))
          this.#report(line, stamp, removal, `shows ${element} in ${part.field}, which was removed`);
      }
    }
  }

  /** Only increments are judged: whatever else is counted must be more. */
  #checkCounter(line: OperationLine, part: Part, stamp: Stamp): void {
    let known = 0;
    let latest: PlacedWrite | undefined;
    for (const [writes, last] of this.#before(part, stamp)) {
      if (writes.some((write) => Number(write.part.input) < 0)) return;
      known += last.sum;
      latest = last;
    }
    if (latest === undefined || Number(part.output ?? 0) >= known) return;
    this.#report(line, stamp, latest, `counts ${String(part.output)} in ${part.field}, and knew of ${known}`);
  }

  #report(line: OperationLine, stamp: Stamp, missed: PlacedWrite, shows: string): void {
    const where = namePlace(placeOf(missed.part));
    const what = `${nameLine(line)} ${shows}; before it: ${nameLine(missed.line)} (${where})`;
    this.#anomalies.push({ rule: this.#ruleOf(stamp, missed), what });
  }

  #ruleOf(reader: Stamp, missed: PlacedWrite): Rule {
    if (this.scope === 'causal') return 'causal';
    return missed.stamp.session === reader.session ? 'read-your-writes' : 'monotonic-reads';
  }
}
