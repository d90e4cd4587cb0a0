import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeHistories } from '#cli/judge/consistency/single-place.js';
import { checkPlace } from '#cli/judge/consistency/linearizability.js';
import { seeded, type Draw } from '../../bench/load/seeded.js';
import { buildPorcupine, type Porcupine } from '../../histories/porcupine-program.js';
import { tellHistory, type TellHistory } from '../../histories/told-history.js';

let porcupine: Porcupine | undefined;

beforeAll(async () => {
  porcupine = await buildPorcupine();
}, 150_000);
afterAll(() => porcupine?.close());

/**
 * A history of clients of one register, a set and a counter that are as they should be, but for some answers: with some
 * luck those are wrong. Compare-and-sets, refusals and unknown outcomes are among it.
 */
function tellAtRandom(draw: Draw, id: string, into: TellHistory): void {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(draw() * choices.length)] as T;
  const state = { register: null as string | null, set: [] as string[], count: 0 };
  let clock = 0;
  for (let at = 0; at < 24; at += 1) {
    // What happens takes effect in this order; answers come early or late around it.
    clock += 1 + draw() * 2;
    const during = [clock - draw() * 3, draw() < 0.08 ? null : clock + draw() * 3] as const;
    const told = { id, process: 1 + Math.floor(draw() * 5), during };
    const lies = draw() < 0.02;
    const value = `${id}.${at}`;
    switch (pick(['write', 'cas', 'read', 'read', 'add', 'remove', 'members', 'increment', 'sum'])) {
      case 'write':
        if (!lies) state.register = value;
        into.write(value, told);
        break;
      case 'cas': {
        const expected = draw() < 0.6 ? state.register : 'something else';
        const done = expected === state.register;
        if (done && !lies) state.register = value;
        const outcome = during[1] === null ? {} : done ? {} : { outcome: 'fail' as const };
        into.tell({ kind: 'cas', input: { expected, value }, output: done }, { ...told, ...outcome });
        break;
      }
      case 'read':
        if (during[1] !== null) into.read(lies ? null : state.register, told);
        break;
      case 'add':
        state.set = [...state.set, value];
        into.tell({ kind: 'add', input: value, output: null }, { ...told, field: 'set' });
        break;
      case 'remove': {
        const element = state.set[0] ?? 'none';
        state.set = state.set.slice(1);
        into.tell({ kind: 'remove', input: element, output: null }, { ...told, field: 'set' });
        break;
      }
      case 'members':
        if (during[1] !== null) into.read(lies ? [] : state.set.toSorted(), { ...told, field: 'set' });
        break;
      case 'increment':
        state.count += 2;
        into.tell({ kind: 'increment', input: 2, output: null }, { ...told, field: 'count' });
        break;
      default:
        if (during[1] !== null)
          into.read(String(lies ? state.count + 1 : state.count), { ...told, field: 'count' });
    }
  }
}

describe('the two checks of linearizability', () => {
  it('agree on histories at random, of which some are wrong', async (context) => {
    if (porcupine === undefined)
      return context.skip('Porcupine cannot be built here: only the other check ran');
    const draw = seeded(20_261_122);
    const told = tellHistory();
    for (let round = 0; round < 400; round += 1) tellAtRandom(draw, `k${round}`, told);
    const verdicts = placeHistories(told.operations).map((history) => checkPlace(history));
    const count = (wanted: string): number => verdicts.filter((verdict) => verdict === wanted).length;
    expect(await porcupine.judge(told.operations)).toEqual({
      partitions: verdicts.length,
      linearizable: count('linearizable'),
      notLinearizable: count('not linearizable'),
      tooHard: 0,
    });
    expect(count('linearizable')).toBeGreaterThan(300);
    expect(count('not linearizable')).toBeGreaterThan(50);
    return undefined;
  });
});
