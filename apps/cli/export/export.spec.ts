import { describe, expect, it } from 'vitest';
import { tellHistory, type TellHistory } from '../../../test/histories/told-history.js';
import { toDbcop } from './dbcop.js';
import { toElle } from './elle.js';
import { toPlume } from './plume.js';
import { toPorcupine } from './porcupine.js';

/** Two sessions and a register; a set beside it; one write refused and one of unknown outcome. */
function small(): TellHistory {
  const told = tellHistory();
  told.write('a', { session: 's1', during: [1, 2] });
  told.read('a', { session: 's2', process: 2, during: [3, 4] });
  told.write('b', { session: 's2', process: 2, during: [5, 6] });
  told.write('refused', { process: 3, outcome: 'fail', during: [7, 8] });
  told.tell({ kind: 'add', input: 'tea', output: null }, { process: 3, field: 'tags', during: [9, 10] });
  told.write('lost', { process: 3, during: [11, null] });
  told.read(null, { session: 's3', process: 4, id: '2', during: [12, 13] });
  told.write('x', { session: 's3', process: 4, id: '2', during: [14, 15] });
  return told;
}

describe('the form of Plume', () => {
  it('is a line per read and write of a register, with its session and transaction', () => {
    const exported = toPlume(small().operations, 'token');
    expect(exported.text).toBe(
      ['w(1,1,0,0)', 'r(1,1,1,1)', 'w(1,2,1,2)', 'w(1,3,2,-1)', 'r(2,0,3,3)', 'w(2,4,3,4)', ''].join('\n'),
    );
    expect([exported.operations, exported.leftOut]).toEqual([6, 2]);
  });

  it('takes processes for sessions when asked to', () => {
    const told = tellHistory();
    told.write('a', { session: null });
    told.write('b', { session: null });
    expect(toPlume(told.operations, 'token').text).toBe('w(1,1,0,0)\nw(1,2,1,1)\n');
    expect(toPlume(told.operations, 'process').text).toBe('w(1,1,0,0)\nw(1,2,0,1)\n');
  });

  it('tells a write of unknown outcome as done once somebody read it', () => {
    const told = tellHistory();
    told.write('perhaps', { session: 's1', during: [1, null] });
    expect(toPlume(told.operations, 'token').text).toBe('');
    told.read('perhaps', { session: 's2' });
    expect(toPlume(told.operations, 'token').text).toBe('w(1,1,0,0)\nr(1,1,1,1)\n');
  });

  it('makes a compare-and-set that was done a read and a write, and leaves a denied one out', () => {
    const told = tellHistory();
    told.tell({ kind: 'cas', input: { expected: null, value: 'a' }, output: true });
    told.tell({ kind: 'cas', input: { expected: null, value: 'b' }, output: false }, { outcome: 'fail' });
    expect(toPlume(told.operations, 'process').text).toBe('r(1,0,0,0)\nw(1,1,0,0)\nw(1,2,1,-1)\n');
  });
});

describe('the form of dbcop', () => {
  it('is sessions of transactions, with versions unique in the history', () => {
    const { text } = toDbcop(small().operations, 'token', 'run');
    const { params, info, data } = JSON.parse(text) as { params: object; info: string; data: unknown[] };
    expect(params).toEqual({ id: 0, n_node: 4, n_variable: 2, n_transaction: 2, n_event: 1 });
    expect(info).toBe('run');
    const write = (variable: number, version: number, committed = true) => ({
      events: [{ Write: { variable, version } }],
      committed,
    });
    const read = (variable: number, version: number | null) => ({
      events: [{ Read: { variable, version } }],
      committed: true,
    });
    expect(data).toEqual([
      [write(0, 1)],
      [read(0, 1), write(0, 2)],
      [write(0, 3, false)],
      [read(1, null), write(1, 4)],
    ]);
  });
});

describe('the form of Elle', () => {
  interface Told {
    index: number;
    type: string;
    f: string;
    value: unknown;
    process: number;
    time: number;
  }
  const elle = (told: TellHistory): Told[] => JSON.parse(toElle(told.operations).text) as Told[];

  it('is an invocation and a completion per operation, in the order of time', () => {
    const told = tellHistory();
    told.write('a', { process: 1, during: [1, 4] });
    told.read('a', { process: 2, during: [2, 3] });
    expect(elle(told)).toEqual([
      { index: 0, type: 'invoke', f: 'txn', value: [['w', 'x/1/f', 'a']], process: 1, time: 1_000_000 },
      { index: 1, type: 'invoke', f: 'txn', value: [['r', 'x/1/f', null]], process: 2, time: 2_000_000 },
      { index: 2, type: 'ok', f: 'txn', value: [['r', 'x/1/f', 'a']], process: 2, time: 3_000_000 },
      { index: 3, type: 'ok', f: 'txn', value: [['w', 'x/1/f', 'a']], process: 1, time: 4_000_000 },
    ]);
  });

  it('tells what failed, and what nobody knows at the end and by another process from then on', () => {
    const told = tellHistory();
    told.write('a', { process: 1, outcome: 'fail', during: [1, 2] });
    told.write('b', { process: 1, during: [3, null] });
    told.read('b', { process: 1, during: [5, 6] });
    expect(elle(told).map(({ type, process }) => `${type} ${process}`)).toEqual([
      ...['invoke 1', 'fail 1', 'invoke 1', 'invoke 2', 'ok 2', 'info 1'],
    ]);
  });

  it('keeps the entities of one atomic change, and of one read, in one transaction', () => {
    const told = tellHistory();
    const field = 'f';
    told.together(['l', 'r'].map((id) => ({ kind: 'write', id, field, input: `a-${id}`, output: null })));
    told.together(['l', 'r'].map((id) => ({ kind: 'read', id, field, input: null, output: `a-${id}` })));
    const [, written, , read] = elle(told);
    expect(written?.value).toEqual([
      ['w', 'x/l/f', 'a-l'],
      ['w', 'x/r/f', 'a-r'],
    ]);
    expect(read?.value).toEqual([
      ['r', 'x/l/f', 'a-l'],
      ['r', 'x/r/f', 'a-r'],
    ]);
    expect(toPlume(told.operations, 'process').text).toBe('w(1,1,0,0)\nw(2,2,0,0)\nr(1,1,0,1)\nr(2,2,0,1)\n');
    expect(JSON.parse(toDbcop(told.operations, 'process', 'run').text).data[0][1].events).toEqual([
      { Read: { variable: 0, version: 1 } },
      { Read: { variable: 1, version: 2 } },
    ]);
  });

  it('keeps the registers of one change in one transaction', () => {
    const told = tellHistory();
    told.together(
      ['a', 'b'].map((field) => ({ kind: 'write' as const, field, input: `${field}1`, output: null })),
    );
    expect(elle(told)[1]?.value).toEqual([
      ['w', 'x/1/a', 'a1'],
      ['w', 'x/1/b', 'b1'],
    ]);
  });
});

describe('the form of Porcupine', () => {
  it('is a partition per place, with calls and returns in the order of time', () => {
    const told = tellHistory();
    told.write('a', { process: 1, during: [1, 4] });
    told.read('a', { process: 2, during: [2, 4] });
    told.write('lost', { process: 3, during: [4, null] });
    told.tell({ kind: 'increment', input: 2, output: null }, { process: 1, field: 'n' });
    const document = JSON.parse(toPorcupine(told.operations).text) as unknown;
    const call = (ClientId: number, Id: number, op: string, input: unknown) => ({
      ...{ ClientId, Kind: false, Id, Value: { op, input } },
    });
    const back = (ClientId: number, Id: number, output: unknown, unknown = false) => ({
      ...{ ClientId, Kind: true, Id, Value: { output, unknown } },
    });
    expect(document).toEqual([
      {
        place: 'x/1 f',
        model: 'register',
        events: [
          ...[call(1, 0, 'write', 'a'), call(2, 1, 'read', null), call(3, 2, 'write', 'lost')],
          ...[back(1, 0, null), back(2, 1, 'a'), back(3, 2, null, true)],
        ],
      },
      { place: 'x/1 n', model: 'counter', events: [call(1, 0, 'increment', 2), back(1, 0, null)] },
    ]);
  });
});
