import type { Actor, Dot } from '../causality/dot.js';
import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { parseJson } from '../parse-json.js';
import { split, type AnyPolicy, type Operation, type Stamped } from './policy.js';

/**
 * - `samples`: no sample operation was ever accepted, so nothing was checked.
 * - `deterministic`: the same arguments gave two answers.
 * - `pure`: an argument was changed.
 * - `convergent`: concurrent changes gave two states in two orders.
 * - `codec`: a state or a change did not survive being written and read.
 * - `symmetric`: `conflicts(a, b)` and `conflicts(b, a)` differ.
 * - `total`: a function threw, or a change that was decided was not accepted as one.
 */
export type Law = 'samples' | 'deterministic' | 'pure' | 'convergent' | 'codec' | 'symmetric' | 'total';

export interface LawViolation {
  readonly law: Law;
  readonly detail: string;
  /** The story that shows it: what happened, in an order that a person can follow. */
  readonly example: Json;
}

/** Stories to try: enough to meet every pair of some ten sample operations after some beginnings; well below a second. */
const storiesTried = 400;

/**
 * Looks for counter-examples to the laws that every policy must obey: stories of up to three regions that do sample
 * operations without hearing of each other, after a common beginning. The same samples give the same answer.
 *
 * @returns of each law the violation that is told shortest; none is no proof.
 */
export function checkLaws(policy: AnyPolicy, samples: readonly Operation[]): readonly LawViolation[] {
  const violations = new Map<Law, LawViolation>();
  const draw = dice(samples.length);
  let accepted = 0;
  for (let story = 0; story < storiesTried && samples.length > 0; story += 1) {
    const some = (most: number): readonly Operation[] =>
      Array.from({ length: draw(most + 1) }, () => samples[draw(samples.length)] as Operation);
    const told = tell(policy, { beginning: some(3), branches: [some(2), some(2), some(1)] });
    accepted += told.accepted;
    for (const violation of told.violations) {
      const known = violations.get(violation.law);
      if (known === undefined || sizeOf(violation) < sizeOf(known)) violations.set(violation.law, violation);
    }
  }
  if (accepted === 0 && violations.size === 0) {
    const detail = 'Give sample operations, some of which are accepted on a fresh field.';
    return [{ law: 'samples', detail, example: samples }];
  }
  return [...violations.values()];
}

function sizeOf({ example }: LawViolation): number {
  return canonicalText(example).length;
}

interface Story {
  readonly beginning: readonly Operation[];
  readonly branches: readonly (readonly Operation[])[];
}

interface Told {
  readonly accepted: number;
  readonly violations: readonly LawViolation[];
}

/** One accepted operation. */
interface Step {
  readonly operation: Operation;
  readonly stamped: Stamped<unknown>;
}

function tell(policy: AnyPolicy, story: Story): Told {
  const violations: LawViolation[] = [];
  const report: Report = (law, detail, more = {}) => {
    violations.push({ law, detail, example: { ...more, ...(story as unknown as Record<string, Json>) } });
  };
  try {
    const beginning = play(policy, policy.initial(), { actor: 'a~1', operations: story.beginning, report });
    const branches = story.branches.map((operations, at) => {
      const start = { actor: `${'bcd'.charAt(at)}~1`, operations, report, known: beginning.steps };
      return play(policy, beginning.state, start);
    });
    checkOrders(policy, { beginning: beginning.state, branches: branches.map(({ steps }) => steps), report });
    checkSymmetry(
      policy,
      branches.flatMap(({ steps }) => steps),
      report,
    );
    for (const { state } of [beginning, ...branches]) checkCodec(policy, state, report);
    const accepted = [beginning, ...branches].reduce((sum, { steps }) => sum + steps.length, 0);
    return { accepted, violations };
  } catch (thrown) {
    report('total', `A function threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return { accepted: 1, violations };
  }
}

type Report = (law: Law, detail: string, more?: Record<string, Json>) => void;

interface Play {
  readonly actor: Actor;
  readonly operations: readonly Operation[];
  readonly known?: readonly Step[];
  readonly report: Report;
}

/** One region does its operations one after another; those that are refused leave nothing. */
function play(
  policy: AnyPolicy,
  from: unknown,
  { actor, operations, known = [], report }: Play,
): { readonly state: unknown; readonly steps: readonly Step[] } {
  let state = from;
  const steps: Step[] = [];
  for (const operation of operations) {
    const dot = { actor, seq: steps.length + 1 };
    const time = { wallMillis: known.length + steps.length + 1, counter: 0, actor };
    const before = textOf(policy, state);
    const asked = canonicalText(operation);
    const stamp = { dot, time, hasObserved: true };
    const decided = policy.decide(state, operation, stamp);
    const again = policy.decide(state, operation, stamp);
    if (canonicalText(decided as unknown as Json) !== canonicalText(again as unknown as Json)) {
      report('deterministic', 'decide gave two answers to one question.', { operation });
    }
    if (textOf(policy, state) !== before || canonicalText(operation) !== asked) {
      report('pure', 'decide changed what it was given.', { operation });
    }
    if (decided.kind === 'rejected') continue;
    const change = readBack(policy, decided.change, report);
    const step = { operation, stamped: stamped(change, { dot, time, known: [...known, ...steps] }) };
    state = applied(policy, state, step, report);
    steps.push(step);
  }
  return { state, steps };
}

function readBack(policy: AnyPolicy, change: unknown, report: Report): unknown {
  const written = canonicalText(policy.writeChange(change));
  const read: unknown = policy.readChange(parseJson(written) as Json);
  if (read === undefined || policy.isValid?.(read) === false) {
    report('total', 'A change that was decided is refused when a peer reads it.', { change: written });
    return change;
  }
  if (canonicalText(policy.writeChange(read)) !== written) {
    report('codec', 'A change is another one when it was written and read.', { change: written });
  }
  return read;
}

interface KnownSteps {
  readonly dot: Dot;
  readonly time: Stamped<unknown>['time'];
  readonly known: readonly Step[];
}

function stamped(change: unknown, { dot, time, known }: KnownSteps): Stamped<unknown> {
  const dots = new Set(
    [dot, ...known.map((step) => step.stamped.dot)].map(({ actor, seq }) => `${actor}:${seq}`),
  );
  const covers = ({ actor, seq }: Dot): boolean => dots.has(`${actor}:${seq}`);
  return {
    change,
    dot,
    time,
    covers,
    survivorCovers: covers,
    observes: covers,
    standsFor: (same) => same,
    effective: true,
    role: 'survivor',
  };
}

function applied(policy: AnyPolicy, state: unknown, { operation, stamped }: Step, report: Report): unknown {
  const before = textOf(policy, state);
  const change = canonicalText(policy.writeChange(stamped.change));
  const next: unknown = policy.apply(state, stamped);
  const again: unknown = policy.apply(state, stamped);
  if (textOf(policy, state) !== before || canonicalText(policy.writeChange(stamped.change)) !== change) {
    report('pure', 'apply changed what it was given.', { operation });
  }
  if (next === split || again === split) return state;
  if (textOf(policy, next) !== textOf(policy, again)) {
    report('deterministic', 'apply gave two answers to one question.', { operation });
  }
  return next;
}

interface Orders {
  readonly beginning: unknown;
  readonly branches: readonly (readonly Step[])[];
  readonly report: Report;
}

/** Branches arrive whole in every order of the branches, and once in turns: each is a causal order. */
function checkOrders(policy: AnyPolicy, { beginning, branches, report }: Orders): void {
  const outcomes = new Map<string, readonly Step[]>();
  for (const order of [...permutations(branches).map((turn) => turn.flat()), inTurns(branches)]) {
    let state = beginning;
    for (const step of order) state = applied(policy, state, step, report);
    outcomes.set(textOf(policy, state), order);
  }
  const [one, other] = [...outcomes];
  if (one === undefined || other === undefined) return;
  const arrivals = ([, order]: readonly [string, readonly Step[]]): Json =>
    order.map(({ operation }) => operation);
  report('convergent', 'Two orders of arrival gave two states.', {
    orders: [arrivals(one), arrivals(other)],
    states: [parseJson(one[0]) as Json, parseJson(other[0]) as Json],
  });
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first, at) => permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

function inTurns<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat();
}

function checkSymmetry(policy: AnyPolicy, steps: readonly Step[], report: Report): void {
  for (const { stamped: a } of steps) {
    for (const { stamped: b } of steps) {
      if (policy.conflicts(a.change, b.change) === policy.conflicts(b.change, a.change)) continue;
      const pair = [policy.writeChange(a.change), policy.writeChange(b.change)];
      report('symmetric', 'A conflict was found in one direction only.', { pair });
    }
  }
}

function checkCodec(policy: AnyPolicy, state: unknown, report: Report): void {
  const text = textOf(policy, state);
  const read: unknown = policy.decode(parseJson(text) as Json);
  if (textOf(policy, read) === text && shown(policy, read) === shown(policy, state)) return;
  report('codec', 'A state is another one when it was stored and read.', { state: text });
}

function textOf(policy: AnyPolicy, state: unknown): string {
  return canonicalText(policy.encode(state));
}

function shown(policy: AnyPolicy, state: unknown): string {
  return canonicalText(policy.value(state));
}

/** Small reproducible numbers below a bound (Lehmer, MINSTD). */
function dice(seed: number): (below: number) => number {
  let last = (seed % 2_147_483_646) + 1;
  return (below) => {
    last = (last * 48_271) % 2_147_483_647;
    return Math.floor((last / 2_147_483_647) * below);
  };
}
