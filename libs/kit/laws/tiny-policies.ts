import { compareTimes, type HybridTimestamp } from '#core/causality/hybrid-timestamp.js';
import { dotKey, sameDot, type Dot } from '#core/causality/dot.js';
import type { Json } from '#core/json.js';
import { split, type AnyPolicy, type MergePolicy, type Reach, type Stamped } from '#core/merge/policy.js';
import { observed, isAfter, latest, saw, type Deed, type FieldMeaning } from './entity-oracle.js';

type Op = { op: string; by?: number; value?: string };
type W = { dot: Dot; time: HybridTimestamp; value: string };
const nowhere: Reach = { place: [], takes: 'nothing' };
const byDot = (a: { dot: Dot }, b: { dot: Dot }): number => (dotKey(a.dot) < dotKey(b.dot) ? -1 : 1);
const inOrder = (policy: () => AnyPolicy) => (log: readonly Stamped<Op>[]) => {
  let state = policy().initial();
  for (const one of log) state = policy().apply(state, one);
  return state;
};
const common = {
  version: 1,
  description: null,
  foldsAliases: false,
  replacesObserved: false,
  decide: (_s: unknown, op: unknown) => ({ kind: 'accepted' as const, change: op as Op }),
  readChange: (json: Json) => (typeof json === 'object' ? (json as Op) : undefined),
  writeChange: (c: Op) => c as Json,
  encode: (s: unknown) => s as Json,
};

export const register: MergePolicy<readonly W[], Op> = {
  ...common,
  name: 'register',
  fold: inOrder(() => register),
  initial: () => [],
  decode: (j) => j as never,
  reach: () => nowhere,
  conflicts: () => true,
  conflictKey: () => '',
  take: (s, taken) => s.filter((w) => !taken(w.dot)),
  apply: (s, { change, dot, time, covers, effective }) => {
    const left = s.filter((w) => !covers(w.dot));
    return effective ? [...left, { dot, time, value: change.value ?? '' }].sort(byDot) : left;
  },
  value: (s) => [...s].sort((a, b) => compareTimes(b.time, a.time))[0]?.value ?? null,
};
export const multi: MergePolicy<readonly W[], Op> = {
  ...register,
  name: 'multi',
  fold: inOrder(() => multi),
  replacesObserved: true,
  apply: (s, { change, dot, time, observes, effective }) => {
    const left = s.filter((w) => !observes(w.dot));
    return effective ? [...left, { dot, time, value: change.value ?? '' }].sort(byDot) : left;
  },
  value: (s) => s.map((w) => w.value).sort(),
};
type Sum = Readonly<Record<string, { sum: number; first: number; last: number }>>;
export const counter: MergePolicy<Sum, Op> = {
  ...common,
  name: 'counter',
  fold: inOrder(() => counter),
  initial: () => ({}),
  decode: (j) => j as never,
  reach: () => nowhere,
  conflicts: () => false,
  conflictKey: () => undefined,
  take: (s, taken) => {
    const left: Record<string, Sum[string]> = {};
    for (const [actor, part] of Object.entries(s)) {
      const first = taken({ actor, seq: part.first });
      if (first !== taken({ actor, seq: part.last })) return split;
      if (!first) left[actor] = part;
    }
    return left;
  },
  apply: (s, { change, dot, effective }) => {
    if (!effective) return s;
    const had = s[dot.actor] ?? { sum: 0, first: dot.seq, last: dot.seq };
    return {
      ...s,
      [dot.actor]: {
        sum: had.sum + (change.by ?? 0),
        first: Math.min(had.first, dot.seq),
        last: Math.max(had.last, dot.seq),
      },
    };
  },
  value: (s) => Object.values(s).reduce((t, { sum }) => t + sum, 0),
};
type Dots = readonly { dot: Dot; value: string }[];
export const addWins: MergePolicy<Dots, Op> = {
  ...common,
  name: 'add-wins',
  fold: (log) =>
    inOrder(() => addWins)(
      log.map((w, i) => ({
        ...w,
        effective:
          w.effective &&
          !log.some(
            (r, j) =>
              r.change.op === 'remove' &&
              r.change.value === w.change.value &&
              (sameDot(r.dot, w.dot) ? j > i : r.survivorCovers(w.dot)),
          ),
      })),
    ),
  initial: () => [],
  decode: (j) => j as never,
  reach: (c) => ({ place: [c.value ?? ''], takes: c.op === 'add' ? 'nothing' : 'seen' }),
  conflicts: (a, b) => a.value === b.value && a.op !== b.op,
  conflictKey: (c) => c.value ?? '',
  take: (s, taken) => s.filter((w) => !taken(w.dot)),
  apply: (s, { change, dot, covers, survivorCovers, effective }) => {
    const value = change.value ?? '';
    if (change.op === 'remove') return s.filter((w) => w.value !== value || !survivorCovers(w.dot));
    const left = s.filter((w) => w.value !== value || !covers(w.dot));
    return effective
      ? [...left, { dot, value }].sort((a, b) => byDot(a, b) || (a.value < b.value ? -1 : 1))
      : left;
  },
  value: (s) => [...new Set(s.map((w) => w.value))].sort(),
};
type RW = { adds: Dots; removals: Dots };
export const removeWins: MergePolicy<RW, Op> = {
  ...common,
  name: 'remove-wins',
  fold: (log) =>
    inOrder(() => removeWins)(
      log
        .map((w, i) => ({
          ...w,
          effective:
            w.effective &&
            log.every(
              (r, j) =>
                r.change.op !== 'remove' ||
                r.change.value !== w.change.value ||
                (sameDot(r.dot, w.dot) ? j < i : w.survivorCovers(r.dot)),
            ),
        }))
        .sort((a, b) => Number(b.change.op === 'remove') - Number(a.change.op === 'remove')),
    ),
  initial: () => ({ adds: [], removals: [] }),
  decode: (j) => j as never,
  reach: (c) => ({ place: [c.value ?? ''], takes: c.op === 'add' ? 'nothing' : 'unaware' }),
  conflicts: (a, b) => a.value === b.value && a.op !== b.op,
  conflictKey: (c) => c.value ?? '',
  take: (s, taken) => ({ ...s, adds: s.adds.filter((w) => !taken(w.dot)) }),
  apply: (s, { change, dot, covers, survivorCovers, effective }) => {
    const value = change.value ?? '';
    if (change.op === 'remove') {
      const left = s.removals.filter((w) => w.value !== value || !covers(w.dot));
      return {
        adds: s.adds.filter((w) => w.value !== value),
        removals: [...left, { dot, value }].sort(byDot),
      };
    }
    const ok = s.removals.every((w) => w.value !== value || survivorCovers(w.dot));
    if (!effective || !ok) return s;
    return { ...s, adds: [...s.adds, { dot, value }].sort(byDot) };
  },
  value: (s) => [...new Set(s.adds.map((w) => w.value))].sort(),
};

const on = (deeds: readonly Deed[]): readonly Deed<Op>[] => deeds as readonly Deed<Op>[];
const elements = (deeds: readonly Deed<Op>[]): string[] =>
  [...new Set(deeds.map((d) => d.change.value ?? ''))].sort();
export const tinyMeanings: Record<string, FieldMeaning> = {
  register: (d) =>
    latest(on(d).filter((w) => w.effective && !on(d).some((l) => isAfter(l, w))))?.change.value ?? null,
  multi: (d) =>
    on(d)
      .filter((w) => w.effective && !on(d).some((l) => observed(l, w)))
      .map((w) => w.change.value ?? '')
      .sort(),
  counter: (d) =>
    on(d)
      .filter((w) => w.effective)
      .reduce((t, w) => t + (w.change.by ?? 0), 0),
  'add-wins': (d) =>
    elements(
      on(d).filter(
        (w) =>
          w.change.op === 'add' &&
          w.effective &&
          !on(d).some((r) => r.change.op === 'remove' && r.change.value === w.change.value && saw(r, w)),
      ),
    ),
  'remove-wins': (d) =>
    elements(
      on(d).filter(
        (w) =>
          w.change.op === 'add' &&
          w.effective &&
          on(d).every((r) => r.change.op !== 'remove' || r.change.value !== w.change.value || saw(w, r)),
      ),
    ),
};
