import { formatEpoch, noEpoch } from '#core/strong/epoch.js';
import { membershipOf, type Memberships } from '#core/strong/membership.js';
import type { Ack } from '#core/strong/promises.js';
import { openingOn, type Opening, type Position } from '#core/strong/strong-chain.js';
import type { StrongRules } from './strong-rules.js';
import {
  all,
  appended,
  epochOf,
  epochsIn,
  everything,
  logUpTo,
  membershipsIn,
  nothingYet,
  openingsOf,
  put,
  recordOf,
  regions,
  storedAt,
  type Bounds,
  type Read,
  type Region,
  type State,
} from './strong-state.js';

export interface Step {
  readonly name: string;
  readonly to: State;
  /** What does not hold any more. */
  readonly broken?: string;
}

/**
 * PROTOCOL §8 as a machine of states: regions, their streams, promises, acks, one read. Messages are facts that may be
 * used at any later time or never, so delays, losses and repetition need no steps of their own.
 */
export class StrongModel {
  private readonly epochs: readonly number[];
  private readonly known: Memberships;

  constructor(
    private readonly rules: StrongRules,
    private readonly bounds: Bounds,
  ) {
    this.epochs = epochsIn(bounds);
    this.known = membershipsIn(bounds);
  }

  /** Nobody has ever been the home. */
  genesis(): State {
    return nothingYet(this.bounds);
  }

  /** us is the home of the first epoch, and its opening is decided and stored everywhere. */
  served(): State {
    const start = this.genesis();
    const opening: Opening = { epoch: epochOf(1), home: 'us', seq: 1, previous: noEpoch, close: 0 };
    const one: State = {
      ...start,
      streams: [[{ kind: 'opening', opening }], [], []],
      stored: all.map(() => [1, 0, 0]),
      promised: [1, 1, 1],
      decided: start.decided.map((seq, epoch) => (epoch === 1 ? 1 : seq)),
    };
    return all.reduce<State>((state, region) => this.acked(state, region), one);
  }

  steps(state: State): readonly Step[] {
    const steps: Step[] = [];
    for (const region of all) {
      this.stand(state, region, steps);
      this.open(state, region, steps);
      this.store(state, region, steps);
      this.write(state, region, steps);
      this.restart(state, region, steps);
      if (this.rules.opensByMarker) this.openByMarker(state, region, steps);
    }
    this.readSteps(state, steps);
    return steps;
  }

  /** Somebody promises an epoch to a region: the first promise is what makes it a target. */
  private stand(state: State, region: Region, steps: Step[]): void {
    const standing = state.standing[region];
    for (const counter of this.epochs) {
      if (!membershipOf(this.known, epochOf(counter).membership)?.members.includes(regions[region])) continue;
      if (standing && (counter < standing.epoch || standing.epoch > (state.promised[region] ?? 0))) {
        if (counter !== standing.epoch) continue;
      }
      for (const voter of all) {
        const isNew = standing?.epoch !== counter;
        if (!isNew && standing.promises[voter]) continue;
        if (isNew && counter <= (state.promised[region] ?? 0)) continue;
        const record = recordOf(state, voter);
        const given = this.rules.promise(record, epochOf(counter), storedAt(state, voter));
        if (given.kind === 'refused') continue;
        const position = this.rules.positionOf(record.openings, storedAt(state, voter));
        const before = isNew ? all.map(() => undefined) : standing.promises;
        const promisedOne: State = {
          ...state,
          promised: put(state.promised, voter, counter),
          standing: put(state.standing, region, {
            epoch: counter,
            promises: put<Position | undefined>(before, voter, position),
          }),
        };
        steps.push(
          this.step(`${regions[voter]} promises ${counter} to ${regions[region]}`, promisedOne, voter),
        );
      }
    }
  }

  private open(state: State, region: Region, steps: Step[]): void {
    const standing = state.standing[region];
    if (!standing) return;
    const promises = new Map<string, Position>();
    for (const voter of all) {
      const position = standing.promises[voter];
      if (position) promises.set(regions[voter], position);
    }
    const epoch = epochOf(standing.epoch);
    const chosen = this.rules.candidacy(promises, this.known, epoch.membership);
    if (chosen.kind !== 'chosen') return;
    const record = recordOf(state, region);
    if (!this.rules.mayOpen(record, { epoch, adopted: chosen.adopt }, storedAt(state, region))) return;
    const here = this.rules.positionOf(record.openings, storedAt(state, region));
    steps.push(this.opened(state, region, standing.epoch, this.rules.buildsOn(chosen.adopt, here)));
  }

  private opened(state: State, region: Region, counter: number, adopted: Position): Step {
    const record = recordOf(state, region);
    const seq = (state.streams[region]?.length ?? 0) + 1;
    const own = { epoch: epochOf(counter), home: regions[region], seq };
    const opening = openingOn(record.openings, adopted, own);
    const isSecond = state.streams.some(
      (stream, at) =>
        at !== region &&
        stream.some((entry) => entry.kind === 'opening' && entry.opening.epoch.counter === counter),
    );
    const to = appended(
      {
        ...state,
        promised: put(state.promised, region, Math.max(counter, state.promised[region] ?? 0)),
        standing: put(state.standing, region, undefined),
      },
      region,
      { kind: 'opening', opening },
    );
    const name = `${regions[region]} opens ${counter} on ${adopted.epoch.counter}:${adopted.seq}`;
    const step = this.step(name, to, region);
    return isSecond ? { ...step, broken: `epoch ${counter} has two writers` } : step;
  }

  private openByMarker(state: State, region: Region, steps: Step[]): void {
    const record = recordOf(state, region);
    const here = this.rules.positionOf(record.openings, storedAt(state, region));
    const counter = here.epoch.counter + 1;
    const home = regions.findIndex(
      (name) => name === record.openings.get(formatEpoch(epochOf(counter - 1)))?.home,
    );
    if (counter > this.bounds.epochs || counter <= (state.promised[region] ?? 0)) return;
    if (home < 0 || home === region || here.seq < (state.streams[home]?.length ?? 0)) return;
    steps.push(this.opened(state, region, counter, here));
  }

  private store(state: State, region: Region, steps: Step[]): void {
    for (const actor of all) {
      const next = state.streams[actor]?.[state.stored[region]?.[actor] ?? 0];
      if (actor === region || next === undefined) continue;
      const rows = put(state.stored[region] ?? [], actor, (state.stored[region]?.[actor] ?? 0) + 1);
      const promised =
        next.kind === 'opening'
          ? Math.max(state.promised[region] ?? 0, next.opening.epoch.counter)
          : (state.promised[region] ?? 0);
      const one = {
        ...state,
        stored: put(state.stored, region, rows),
        promised: put(state.promised, region, promised),
      };
      const step = this.step(`${regions[region]} stores ${regions[actor]}:${rows[actor]}`, one, region);
      const broken = step.broken ?? this.shownWrongly(step.to, region);
      steps.push(broken === undefined ? step : { ...step, broken });
    }
  }

  private write(state: State, region: Region, steps: Step[]): void {
    if (state.eventuals < this.bounds.eventuals) {
      const more = { ...state, eventuals: state.eventuals + 1 };
      const to = appended(more, region, { kind: 'eventual' });
      steps.push(this.step(`${regions[region]} writes something eventual`, to, region));
    }
    const epoch = state.promised[region] ?? 0;
    if (state.writes >= this.bounds.writes || !this.serves(state, region)) return;
    const id = state.writes;
    const to = appended({ ...state, writes: id + 1 }, region, { kind: 'write', epoch, id });
    steps.push(this.step(`${regions[region]} takes write ${id} in epoch ${epoch}`, to, region));
  }

  private serves(state: State, region: Region): boolean {
    const epoch = state.promised[region] ?? 0;
    const decided = { epoch: epochOf(epoch), seq: state.decided[epoch] ?? 0 };
    return this.rules.isServing(recordOf(state, region), regions[region], decided);
  }

  /** What a region has not committed is gone. */
  private restart(state: State, region: Region, steps: Step[]): void {
    const promised = this.rules.promiseAfterRestart(
      epochOf(state.promised[region] ?? 0),
      recordOf(state, region).openings,
    );
    const isReading = typeof state.read === 'object' && state.read.at === region;
    const to: State = {
      ...state,
      promised: put(state.promised, region, promised.counter),
      standing: put(state.standing, region, undefined),
      read: isReading ? 'done' : state.read,
    };
    steps.push({ name: `${regions[region]} restarts`, to: this.tidied(to) });
  }

  /**
   * After each commit of a region it says what it holds, and homes count. That they count at once loses nothing: what is
   * decided later is only ever the same or more, and nobody has to use it.
   */
  private step(name: string, changed: State, region: Region): Step {
    let state = this.acked(changed, region);
    let broken: string | undefined;
    for (const epoch of this.epochs) {
      const decided = this.decide(state, epoch);
      if (!decided) continue;
      state = decided.to;
      broken ??= decided.broken;
    }
    const to = this.tidied(state);
    return broken === undefined ? { name, to } : { name, to, broken };
  }

  /** The home of an epoch counts acks: its own row is one of them. */
  private decide(state: State, epoch: number): Omit<Step, 'name'> | undefined {
    const opening = openingsOf(state, everything).get(formatEpoch(epochOf(epoch)));
    if (!opening) return undefined;
    const acks = new Map<string, Ack>();
    for (const region of all) {
      const seq = state.acks[region]?.[epoch] ?? 0;
      const of = epochOf(epoch);
      if (seq > 0) acks.set(regions[region], { promised: of, position: { epoch: of, seq } });
    }
    const position = this.rules.decidedBy(opening, acks, this.rules.membersOf(this.known, opening.epoch));
    if (!position || position.seq <= (state.decided[epoch] ?? 0)) return undefined;
    const told = logUpTo(state, position);
    const known = state.log;
    const isPrefix = told.every((id, at) => at >= known.length || known[at] === id);
    const to = {
      ...state,
      decided: put(state.decided, epoch, position.seq),
      log: told.length > known.length ? told : known,
      acknowledged: told.reduce((mask, id) => mask | (1 << id), state.acknowledged),
    };
    if (isPrefix) return { to };
    return { to, broken: `the log ${told.join(' ')} is decided after ${known.join(' ')} was` };
  }

  /** Targets that can never open any more are as good as none. */
  private tidied(state: State): State {
    let { standing } = state;
    for (const region of all) {
      const one = standing[region];
      if (!one) continue;
      const isOutbid = (state.promised[region] ?? 0) > one.epoch;
      const reachable = all.filter(
        (voter) => one.promises[voter] ?? (state.promised[voter] ?? 0) <= one.epoch,
      );
      const least = this.bounds.first || this.bounds.later ? 1 : 2;
      if (isOutbid || reachable.length < least) standing = put(standing, region, undefined);
    }
    return standing === state.standing ? state : { ...state, standing };
  }

  /**
   * A read ends in the step in which the last member confirms: later it would only show more. Of the home's own row the
   * word at its beginning is taken, of the others that of the end, which is the least that they can say.
   */
  private readSteps(state: State, steps: Step[]): void {
    const { read } = state;
    if (read === 'done' || !this.bounds.reads) return;
    if (read === 'not yet') {
      for (const at of all) {
        if (!this.serves(state, at)) continue;
        const begun: Read = { at, epoch: state.promised[at] ?? 0, must: state.acknowledged };
        steps.push({ name: `a read begins at ${regions[at]}`, to: { ...state, read: begun } });
      }
      return;
    }
    const said = new Map(
      all.map((voter) => [
        regions[voter] as string,
        epochOf(voter === read.at ? read.epoch : (state.promised[voter] ?? 0)),
      ]),
    );
    const epoch = epochOf(read.epoch);
    if (this.rules.isConfirmed(epoch, said, this.rules.membersOf(this.known, epoch)))
      steps.push(this.readEnds(state, read));
  }

  private readEnds(state: State, read: Read): Step {
    const decided = { epoch: epochOf(read.epoch), seq: state.decided[read.epoch] ?? 0 };
    const stored = { epoch: decided.epoch, seq: state.stored[read.at]?.[read.at] ?? 0 };
    const shown = logUpTo(state, this.rules.shownTo(decided, stored), state.stored[read.at] ?? []);
    const lacks = all.find((id) => (read.must & (1 << id)) !== 0 && !shown.includes(id));
    const undecided = shown.find((id) => !state.log.includes(id));
    const broken =
      lacks !== undefined
        ? `a read lacks write ${lacks}, which was acknowledged before it began`
        : undecided !== undefined
          ? `a read shows write ${undecided}, which is not decided`
          : undefined;
    return {
      name: `the read at ${regions[read.at]} shows ${shown.join(' ') || 'nothing'}`,
      to: { ...state, read: 'done' },
      ...(broken !== undefined && { broken }),
    };
  }

  /** Whether what a region would settle by itself contradicts what is decided. */
  private shownWrongly(state: State, region: Region): string | undefined {
    const { openings } = recordOf(state, region);
    const settled = this.rules.settledBy(openings, storedAt(state, region));
    for (const actor of all) {
      for (const [at, entry] of (state.streams[actor] ?? []).entries()) {
        if (entry.kind !== 'write' || !state.log.includes(entry.id)) continue;
        const event = { epoch: epochOf(entry.epoch), actor: regions[actor], seq: at + 1 };
        if (this.rules.fateOf(openings, settled, event) === 'refused')
          return `${regions[region]} refuses write ${entry.id}, which is decided`;
      }
    }
    return undefined;
  }

  /** What a region says of itself after each commit; whoever hears it may count it, however late. */
  private acked(state: State, region: Region): State {
    const { promised, position } = this.rules.ackOf(recordOf(state, region), storedAt(state, region));
    const epoch = position.epoch.counter;
    const known = state.acks[region]?.[epoch] ?? 0;
    if (epoch === 0 || promised.counter !== epoch || position.seq <= known) return state;
    return { ...state, acks: put(state.acks, region, put(state.acks[region] ?? [], epoch, position.seq)) };
  }
}
