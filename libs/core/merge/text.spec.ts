import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs';
import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import { encodeBase64 } from '../base64.js';
import type { Dot } from '../causality/dot.js';
import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { addWinsMap } from './add-wins-map.js';
import type { Operation } from './policy.js';
import { shownDocument, type TextState } from './text-state.js';
import { regionClientOf, text } from './text.js';

const splice = (index: number, remove: number, insert: string): Operation => ({
  op: 'splice',
  index,
  delete: remove,
  insert,
});
const update = (bytes: Uint8Array): Operation => ({ op: 'update', update: encodeBase64(bytes) });

/** A client with a yjs document of its own. */
function client(
  id: number,
  from?: Uint8Array,
): { readonly doc: Doc; type(index: number, insert: string): Operation } {
  const doc = new Doc();
  doc.clientID = id;
  if (from) applyUpdate(doc, from);
  return {
    doc,
    type(index, insert) {
      let made = new Uint8Array([0, 0]);
      doc.once('update', (bytes: Uint8Array) => (made = new Uint8Array(bytes)));
      doc.getText('text').insert(index, insert);
      return update(made);
    },
  };
}

/** Decides an operation and folds what comes of it, as the only writer. */
function written(
  policy: ReturnType<typeof text>,
  state: TextState,
  operation: Operation,
  seq: number,
): TextState {
  const dot = { actor: 'eu~1', seq };
  const time = { wallMillis: 1, counter: 0, actor: 'eu~1' };
  const decided = policy.decide(state, operation, { dot, time, hasObserved: false });
  if (decided.kind === 'rejected') throw new Error(decided.detail);
  const change = policy.readChange(policy.writeChange(decided.change));
  if (change === undefined) throw new Error('a change that was written can be read');
  const all = (): boolean => true;
  const knowledge = { covers: all, survivorCovers: all, observes: all, standsFor: (same: Dot) => same };
  const next = policy.apply(state, { change, dot, time, ...knowledge, effective: true, role: 'survivor' });
  return next as TextState;
}

describe('text', () => {
  it('reads as the empty text before the first edit', () => {
    expect(text().value(text().initial())).toBe('');
  });

  it('keeps what several regions type at once', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'the cat'))
      .heal()
      .write('eu', splice(4, 3, 'dog'))
      .write('us', splice(7, 0, ' sat'))
      .write('ap', splice(0, 3, 'a'))
      .heal()
      .thenEverywhere('a dog sat')
      .thenConflicts();
  });

  it('takes several splices of one command in their order', () => {
    scenario(text())
      .write('eu', [splice(0, 0, 'ab'), splice(1, 0, 'x'), splice(0, 1, '')])
      .heal()
      .thenEverywhere('xb');
  });

  it('shows the later of two documents that were created apart, and never pours one into the other', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'hello'))
      .write('us', splice(0, 0, 'hello'))
      .heal()
      .thenEverywhere('hello')
      .thenConflicts('eu~1:0:1 | us~1:0:1')
      .write('eu', splice(5, 0, '!'))
      .heal()
      .thenEverywhere('hello!')
      .thenConflicts('eu~1:0:1 | us~1:0:1');
  });

  it('shows the earlier document when a delete took all of the later one', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'kept'))
      .write('us', splice(0, 0, 'gone'))
      .delete('us')
      .heal()
      .thenEverywhere('kept');
  });

  it('applies a splice once that was retried in another region', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'ab'))
      .heal()
      .write('eu', splice(1, 0, '-'), { as: 'retried' })
      .write('us', splice(1, 0, '-'), { as: 'retried' })
      .write('us', splice(2, 0, '+'))
      .heal()
      .thenEverywhere('a-+b');
  });

  it('does not delete what only an alias deleted', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'ab'))
      .heal()
      .write('eu', splice(0, 0, 'x'))
      .write('eu', splice(0, 1, ''), { as: 'retried' })
      .write('us', splice(0, 1, ''), { as: 'retried' })
      .heal()
      .thenEverywhere('ab');
  });

  it('gives the copies of a creating command one document', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'ab'), { as: 'retried' })
      .write('us', splice(0, 0, 'ab'), { as: 'retried' })
      .write('us', splice(2, 0, 'c'))
      .heal()
      .thenEverywhere('abc');
  });

  it('deletes with a delete what it had seen, and leaves what was typed beside it', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'gone'))
      .heal()
      .write('us', splice(2, 0, '-kept-'))
      .delete('eu')
      .heal()
      .thenEverywhere('-kept-')
      .write('eu', splice(6, 0, '!'))
      .heal()
      .thenEverywhere('-kept-!')
      .thenConflicts('eu~1:0:2 | us~1:0:1');
  });

  it('ends a document with a delete-wins delete, also for those who typed on', () => {
    scenario(text(), 'delete-wins')
      .write('eu', splice(0, 0, 'gone'))
      .heal()
      .write('us', splice(2, 0, '-too-'))
      .delete('eu')
      .heal()
      .thenEverywhere(undefined)
      .write('us', splice(0, 0, 'new'))
      .heal()
      .thenEverywhere('new');
  });

  it('shows an edit on a base that a delete-wins delete came to ignore through an alias', () => {
    scenario(text(), 'delete-wins')
      .write('ap', splice(0, 0, 'old'))
      .delete('ap')
      .send('ap', 'us')
      .write('eu', splice(0, 0, 'base'), { as: 'retried' })
      .write('us', splice(0, 0, 'base'), { as: 'retried' })
      .write('us', splice(4, 0, ' edit'))
      .heal()
      .thenEverywhere(' edit');
  });

  it('splits at no character of two code units, and reaches not beyond the end', () => {
    scenario(text())
      .write('eu', splice(0, 0, 'a😀b'))
      .write('eu', splice(2, 0, 'x'))
      .thenRefused('invalid_value', '/index')
      .write('eu', splice(1, 1, ''))
      .thenRefused('invalid_value', '/index')
      .write('eu', splice(5, 0, 'x'))
      .thenRefused('out_of_range', '/index')
      .write('eu', splice(3, 2, ''))
      .thenRefused('out_of_range', '/index')
      .write('eu', splice(1, 2, ''))
      .heal()
      .thenEverywhere('ab');
  });

  it('refuses splices that are none', () => {
    scenario(text())
      .write('eu', { op: 'splice', index: 0, insert: 'a' })
      .thenRefused('invalid_value', '/delete')
      .write('eu', splice(-1, 0, 'a'))
      .thenRefused('invalid_value', '/index')
      .write('eu', splice(0, 0.5, 'a'))
      .thenRefused('invalid_value', '/delete')
      .write('eu', splice(0, 0, 'a\ud800'))
      .thenRefused('invalid_value', '/insert')
      .write('eu', splice(0, 0, 'x'.repeat(700_000)))
      .thenRefused('invalid_value', '/insert')
      .write('eu', { op: 'insert' })
      .thenRefused('unknown_operation', '/op');
  });

  it('leaves an older state as it was', () => {
    const policy = text();
    let state = policy.initial();
    const older: { readonly state: TextState; readonly value: Json; readonly encoded: string }[] = [];
    for (let seq = 1; seq <= 300; seq += 1) {
      state = written(policy, state, splice(Math.floor((seq - 1) / 2), 0, 'x'), seq);
      if (seq % 50 === 0) {
        older.push({ state, value: policy.value(state), encoded: canonicalText(policy.encode(state)) });
      }
    }
    expect(policy.value(state)).toBe('x'.repeat(300));
    for (const { state: at, value, encoded } of older) {
      expect(policy.value(at)).toBe(value);
      expect(canonicalText(policy.encode(at))).toBe(encoded);
      expect(policy.value(policy.decode(JSON.parse(encoded) as Json))).toBe(value);
    }
  });

  it('decides the same once more, from a state of before: all of it, or with one left out', () => {
    const policy = text();
    const [ann, bob] = [client(1), client(2)];
    const operations = Array.from({ length: 40 }, (_, at) =>
      (at % 2 === 0 ? ann : bob).type(at >> 2, `${at % 10}`),
    );
    const begun = written(policy, policy.initial(), splice(0, 0, '.'), 1);
    const all = (leftOut?: number): string => {
      let state = begun;
      for (const [at, operation] of operations.entries())
        if (at !== leftOut) state = written(policy, state, operation, at + 2);
      return canonicalText(policy.encode(state));
    };
    const first = all();
    expect(all()).toBe(first);
    // The last one, for what a client types builds on what it typed before.
    expect(all(39)).not.toBe(first);
    expect(all()).toBe(first);
  });
});

describe('text, edited by clients with yjs', () => {
  it('takes updates, also more than once and from several regions', () => {
    const ann = client(1);
    const first = ann.type(0, 'hello');
    const story = scenario(text()).write('eu', first).write('eu', first).heal();
    const bob = client(2, encodeStateAsUpdate(ann.doc));
    const second = bob.type(5, ' world');
    story.write('us', second).write('eu', ann.type(5, '!')).write('ap', second).heal();
    applyUpdate(ann.doc, encodeStateAsUpdate(bob.doc));
    story.thenEverywhere(ann.doc.getText('text').toString());
  });

  it('takes a retried update for what it is: the same items', () => {
    const first = client(1).type(0, 'hello');
    scenario(text())
      .write('eu', splice(0, 0, '> '))
      .heal()
      .write('eu', first, { as: 'retried' })
      .write('us', first, { as: 'retried' })
      .heal()
      .thenEverywhere('hello> ');
  });

  it('lets a client edit what regions spliced', () => {
    const policy = text();
    const story = scenario(policy)
      .write('eu', splice(0, 0, 'abc'))
      .heal();
    const ann = client(1, shownDocument(story.stateAt('us') as TextState)!.content.bytes);
    expect(ann.doc.getText('text').toString()).toBe('abc');
    story
      .write('us', ann.type(1, '-'))
      .write('us', update(encodeStateAsUpdate(ann.doc)))
      .heal()
      .thenEverywhere('a-bc');
  });

  it('refuses an update that builds on what is not here', () => {
    const ann = client(1);
    ann.type(0, 'hello');
    scenario(text())
      .write('eu', ann.type(5, ' world'))
      .thenRefused('precondition_failed', '/update')
      .write('eu', client(2).type(0, 'x'))
      .write('eu', ann.type(0, '> '))
      .thenRefused('precondition_failed', '/update')
      .heal()
      .thenEverywhere('x');
  });

  it('refuses other characters under an id that is known', () => {
    scenario(text())
      .write('eu', client(1).type(0, 'hello'))
      .write('eu', client(1).type(0, 'jelly'))
      .thenRefused('invalid_value', '/update')
      .heal()
      .thenEverywhere('hello');
  });

  it('reads the same everywhere when two writers shared an id in two regions at once', () => {
    scenario(text())
      .write('ap', splice(0, 0, '> '))
      .heal()
      .write('eu', client(1).type(0, 'hello'))
      .write('us', client(1).type(0, 'jelly!'))
      .write('us', splice(8, 0, '.'))
      .heal()
      .thenEverywhere('hello!> .');
  });

  it('deletes everywhere what an update carries as deleted, though no delete set says so', () => {
    const beforeX = [0x40 | 1, ...countOf(regionClientOf('eu~1')), 0];
    scenario(text())
      .write('eu', splice(0, 0, 'x'))
      .heal()
      .write('us', update(Uint8Array.from([1, 1, 1, 0, ...beforeX, 2, 0])))
      .write('eu', update(Uint8Array.from([1, 1, 1, 0, 0x40 | 4, ...beforeX.slice(1), 2, 0x61, 0x62, 0])))
      .thenAt('eu', 'abx')
      .heal()
      .thenEverywhere('x');
  });

  it('refuses to type in the name of a region', () => {
    scenario(text())
      .write('eu', client(regionClientOf('us~1')).type(0, 'hello'))
      .thenRefused('invalid_value', '/update')
      .write('eu', client(regionClientOf('nobody')).type(0, 'hello'))
      .thenRefused('invalid_value', '/update');
  });

  it('puts the update of a document that is no longer shown into that document', () => {
    const ann = client(1);
    const story = scenario(text()).write('eu', ann.type(0, 'eu')).write('us', client(2).type(0, 'us')).heal();
    story.thenEverywhere('us').write('eu', ann.type(2, ' more')).heal().thenEverywhere('us');
    const texts = (story.stateAt('ap') as TextState).map(({ content }) => content.bytes.length);
    expect(texts).toHaveLength(2);
  });

  it.each([
    ['no base64', 'not base64'],
    ['no yjs update', encodeBase64(Uint8Array.of(1, 2, 3))],
    ['too much', encodeBase64(new Uint8Array(700_000))],
  ])('refuses %s', (_name, sent) => {
    scenario(text()).write('eu', { op: 'update', update: sent }).thenRefused('invalid_value', '/update');
    expect(text().readChange({ update: sent })).toBeUndefined();
  });

  it('refuses anything but plain text under its one root', () => {
    const map = new Doc();
    map.getMap('text').set('key', 1);
    const elsewhere = new Doc();
    elsewhere.getText('body').insert(0, 'hello');
    const rich = new Doc();
    rich.getText('text').insert(0, 'hello', { bold: true });
    for (const doc of [map, elsewhere, rich]) {
      scenario(text())
        .write('eu', update(encodeStateAsUpdate(doc)))
        .thenRefused('invalid_value', '/update');
    }
  });
});

describe('text within a map', () => {
  it('comes back under a key without what the removal of the key had seen', () => {
    const at = (then: Operation): Operation => ({ op: 'at', key: 'a', then: then as unknown as Json });
    scenario(addWinsMap(text()))
      .write('eu', at(splice(0, 0, 'old')))
      .heal()
      .write('eu', { op: 'remove', key: 'a' })
      .heal()
      .thenEverywhere({})
      .write('us', at(splice(0, 0, 'new')))
      .heal()
      .thenEverywhere({ a: 'new' });
  });
});

/** An unsigned integer as yjs writes it: seven bits a byte, the lowest first. */
function countOf(value: number): readonly number[] {
  return value < 128 ? [value] : [128 + (value % 128), ...countOf(Math.floor(value / 128))];
}
