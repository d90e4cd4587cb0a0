import fc from 'fast-check';
import { applyUpdate, decodeUpdate, Doc, encodeStateAsUpdate, type Item } from 'yjs';
import { describe, expect, it } from 'vitest';
import { encodeIds, idsFrom, unionOfIds, withoutIds } from './id-ranges.js';
import {
  charactersOf,
  deletionOf,
  readTextUpdate,
  withoutDeletions,
  type TextUpdate,
} from './text-update.js';
import { decodeUtf8, utf16LengthOf } from './text-utf8.js';

interface Edit {
  readonly client: number;
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edits = fc.array(
  fc.record<Edit>({
    client: fc.constantFrom(1, 7, 2 ** 32 - 1, 2 ** 45),
    at: fc.nat(20),
    remove: fc.nat(3),
    insert: fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', '"', '\n', '\ufeff'), maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 8 },
);

/** All that some clients did to one document, each client in a copy of its own. */
function documentOf(list: readonly Edit[]): Doc {
  const doc = new Doc();
  for (const { client, at, remove, insert } of list) {
    doc.clientID = client;
    const root = doc.getText('text');
    doc.transact(() => {
      const from = Math.min(at, root.length);
      root.delete(from, Math.min(remove, root.length - from));
      root.insert(from, insert);
    });
  }
  doc.clientID = -1;
  return doc;
}

function read(bytes: Uint8Array): TextUpdate {
  const update = readTextUpdate(bytes);
  if (update === undefined) throw new Error('not read');
  return update;
}

describe('reading a yjs update', () => {
  it('finds what yjs finds in it', () => {
    fc.assert(
      fc.property(edits, (list) => {
        const bytes = encodeStateAsUpdate(documentOf(list));
        const update = read(bytes);
        const { structs, ds } = decodeUpdate(bytes);
        expect(update.items.map(({ id, length }) => ({ ...id, length }))).toEqual(
          structs.map(({ id, length }) => ({ client: id.client, clock: id.clock, length })),
        );
        update.items.forEach((item, at) => {
          const struct = structs[at] as Item;
          const known = (id: Item['origin']): object | undefined =>
            id ? { client: id.client, clock: id.clock } : undefined;
          expect(item.origin).toEqual(known(struct.origin));
          expect(item.rightOrigin).toEqual(known(struct.rightOrigin));
          expect(charactersOf(update, item)).toBe(struct.content.getContent().join(''));
        });
        const deletions = [...ds.clients].flatMap(([client, ranges]) =>
          ranges.map(({ clock, len }) => ({ client, clocks: [clock, clock + len] as const })),
        );
        expect(encodeIds(update.deleted)).toEqual(encodeIds(idsFrom(deletions)));
        expect(encodeIds(withoutIds(update.carriedDeleted, update.deleted))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes apart what it deletes from what it carries', () => {
    fc.assert(
      fc.property(edits, (list) => {
        const update = read(encodeStateAsUpdate(documentOf(list)));
        const items = read(withoutDeletions(update));
        expect(items.carried).toEqual(update.carried);
        expect(encodeIds(items.deleted)).toEqual(encodeIds(update.carriedDeleted));
        const deletion = deletionOf(update.deleted);
        expect(deletion === undefined ? [] : encodeIds(read(deletion).deleted)).toEqual(
          encodeIds(update.deleted),
        );
        if (deletion) {
          const doc = documentOf(list);
          applyUpdate(doc, deletionOf(update.carried) as Uint8Array);
          expect(doc.getText('text').toString()).toBe('');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('lets no bytes through that yjs chokes on, and never throws itself', () => {
    const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(edits, damage, fc.nat(200), (list, changes, cut) => {
        const bytes = encodeStateAsUpdate(documentOf(list));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        const damaged = cut % 4 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
        const update = readTextUpdate(damaged);
        if (update === undefined) return;
        const doc = documentOf([{ client: 1, at: 0, remove: 0, insert: 'some text' }]);
        applyUpdate(doc, damaged);
        doc.getText('text').insert(0, 'more');
        expect(encodeIds(update.carried)).toEqual(
          encodeIds(
            idsFrom(
              decodeUpdate(damaged).structs.map(({ id, length }) => ({
                client: id.client,
                clocks: [id.clock, id.clock + length] as const,
              })),
            ),
          ),
        );
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['an announced count that nothing follows', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    [
      'a client twice',
      [2, 1, 1, 0, 4, 1, 4, ...ascii('text'), 1, 0x61, 1, 1, 1, 4, 1, 4, ...ascii('text'), 1, 0x61, 0],
    ],
    ['garbage-collected structs', [1, 1, 1, 0, 0, 5, 0]],
    ['a gap', [1, 1, 1, 0, 10, 5, 0]],
    ['an empty run', [1, 1, 1, 0, 4, 1, 4, ...ascii('text'), 0, 0]],
    ['U+0000', [1, 1, 1, 0, 4, 1, 4, ...ascii('text'), 1, 0, 0]],
    ['a root whose name is no UTF-8', [1, 1, 1, 0, 4, 1, 4, 0xf4, 0xbf, 0xbf, 0xbf, 1, 0x61, 0]],
    ['a reference to itself', [1, 1, 1, 0, 0x84, 1, 0, 1, 0x61, 0]],
    ['a count in more bytes than it needs', [0x80, 0, 0]],
    ['an empty range of deletions, which yjs throws at', [0, 1, 1, 1, 5, 0]],
    ['deletions that do not ascend', [0, 1, 1, 2, 5, 1, 2, 1]],
    ['bytes after its end', [0, 0, 0]],
    ['nothing', []],
  ])('refuses %s', (_name, bytes) => {
    expect(readTextUpdate(Uint8Array.from(bytes))).toBeUndefined();
  });
});

function ascii(text: string): readonly number[] {
  return [...text].map((character) => character.charCodeAt(0));
}

describe('reading UTF-8', () => {
  it('agrees with the platform on what is valid, and on its length', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 5 }).map((text) => new TextEncoder().encode(text)),
      fc
        .tuple(fc.constantFrom(0xc0, 0xe0, 0xed, 0xf0, 0xf4), fc.nat(255), fc.nat(255), fc.nat(255))
        .map((all) => Uint8Array.from(all)),
    );
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(bytes, (some) => {
        let decoded: string | undefined;
        try {
          decoded = decoder.decode(some);
        } catch {
          decoded = undefined;
        }
        const wanted = decoded?.includes('\0') === true ? undefined : decoded;
        expect(utf16LengthOf(some)).toBe(wanted?.length);
        if (wanted !== undefined) expect(decodeUtf8(some)).toBe(wanted);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('ranges of ids', () => {
  it('are sets', () => {
    const ranges = fc.array(
      fc.record({
        client: fc.constantFrom(1, 2),
        clocks: fc.tuple(fc.nat(12), fc.nat(4)).map(([from, length]) => [from, from + length] as const),
      }),
      { maxLength: 8 },
    );
    const members = (ids: ReturnType<typeof idsFrom>): readonly string[] =>
      [...ids].flatMap(([client, list]) =>
        list.flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => `${client}:${from + at}`)),
      );
    fc.assert(
      fc.property(ranges, ranges, (some, less) => {
        const [a, b] = [idsFrom(some), idsFrom(less)];
        const gone = new Set(members(b));
        expect(new Set(members(withoutIds(a, b)))).toEqual(new Set(members(a).filter((id) => !gone.has(id))));
        expect(new Set(members(a)).size).toBe(members(a).length);
        expect(encodeIds(unionOfIds(a, b))).toEqual(encodeIds(idsFrom([...some, ...less])));
      }),
      { numRuns: 1000 },
    );
  });
});
