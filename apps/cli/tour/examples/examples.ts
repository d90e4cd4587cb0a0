import type { JsonObject } from '#client/wire.js';
import { countOf } from '../../judge/consistency/bounds.js';
import { everywhere, showFields, type Acts, type Example, type Stage } from './example.js';

const cart: Example = {
  name: 'cart',
  lesson: 'concurrent adds survive; a removal takes only what its region had seen',
  entity: (stage) => ({ type: 'cart', id: stage.id('cart') }),
  prepare: (stage) => stage.write(stage.cast[0], cart.entity(stage), line('tea', 1), line('cup', 2)),
  async apart(stage) {
    const [us, eu, ap] = stage.cast;
    await stage.write(us, cart.entity(stage), line('tea', 3));
    await stage.write(eu, cart.entity(stage), { field: 'lines', op: 'remove', key: 'tea' });
    await stage.write(eu, cart.entity(stage), line('milk', 1));
    await stage.write(ap, cart.entity(stage), line('cup', 1));
  },
  show: (value) => showFields(value, 'lines'),
  expect: (_stage, { together }) => [everywhere(together, 'lines', { cup: 3, milk: 1, tea: 3 })],
};

function line(key: string, by: number) {
  return { field: 'lines', op: 'at', key, then: { op: 'increment', by } };
}

const unitsLeft = 6;
const customersPerRegion = 4;
const unitsSold = new WeakMap<Stage, number>();

const lastUnits: Example = {
  name: 'last units',
  lesson: 'each region sells what it holds rights for: never more than there is, however many ask',
  entity: (stage) => ({ type: 'stock', id: stage.id('last-units') }),
  async prepare(stage) {
    const [us, ...others] = stage.cast;
    await stage.write(us, lastUnits.entity(stage), { field: 'units', op: 'increment', by: unitsLeft });
    for (const to of new Set(others))
      await stage.write(us, lastUnits.entity(stage), { field: 'units', op: 'transfer', to, by: 2 });
  },
  async apart(stage) {
    const sell = { field: 'units', op: 'spend', by: 1 };
    const asked = stage.cast.flatMap((region) => Array<string>(customersPerRegion).fill(region));
    const sold = await Promise.all(
      asked.map((region) => stage.attempt(region, lastUnits.entity(stage), sell)),
    );
    unitsSold.set(stage, sold.filter(Boolean).length);
  },
  decide: (stage) =>
    stage.write(stage.cast[2], lastUnits.entity(stage), { field: 'units', op: 'increment', by: 3 }),
  show: (value) => {
    const units = value?.['units'] as { readonly value: number; readonly rightsHere: number } | undefined;
    return units === undefined ? '-' : `${units.value} left, ${units.rightsHere} to sell here`;
  },
  expect(stage, { apart, together, decided }) {
    const left = (values: Acts['apart']): readonly number[] =>
      Object.values(values).map((value) => countOf(value?.['units']));
    return [
      {
        what: `of ${stage.cast.length * customersPerRegion} customers ${unitsLeft} get a unit`,
        holds: unitsSold.get(stage) === unitsLeft,
      },
      {
        what: 'nobody ever reads less than nothing',
        holds: [...left(apart), ...left(together)].every((units) => units >= 0),
      },
      { what: 'all are sold', holds: left(together).every((units) => units === 0) },
      { what: 'what comes in again is there', holds: left(decided ?? {}).every((units) => units === 3) },
    ];
  },
};

const viewing: Example = {
  name: 'viewing position',
  lesson: 'the furthest wins, whoever was last',
  entity: (stage) => ({ type: 'viewing', id: stage.id('film') }),
  async apart(stage) {
    const positions = [61_000, 125_000, 90_000];
    for (const [index, region] of stage.cast.entries()) {
      const value = positions[index] ?? 0;
      await stage.write(region, viewing.entity(stage), { field: 'positionMillis', op: 'raise', value });
    }
  },
  show: (value) => showFields(value, 'positionMillis'),
  expect: (_stage, { together }) => [everywhere(together, 'positionMillis', 125_000)],
};

const likesPerRegion = 25;
const likesSentTwice = 15;

const likes: Example = {
  name: 'likes',
  lesson: 'an exact sum, although some were sent again to another region',
  entity: (stage) => ({ type: 'post', id: stage.id('post') }),
  async apart(stage) {
    const like = { field: 'likes', op: 'increment', by: 1 };
    for (const region of stage.cast) {
      for (let count = 0; count < likesPerRegion; count += 1)
        await stage.write(region, likes.entity(stage), like);
    }
    const [us, eu] = stage.cast;
    for (let count = 0; count < likesSentTwice; count += 1) {
      await stage.writeTwice(us, eu, likes.entity(stage), like);
    }
  },
  show: (value) => showFields(value, 'likes'),
  expect: (stage, { together }) => [
    everywhere(together, 'likes', stage.cast.length * likesPerRegion + likesSentTwice),
  ],
};

const profile: Example = {
  name: 'profile',
  lesson: 'each field by its last writer; the loser is in the conflict feed',
  entity: (stage) => ({ type: 'profile', id: stage.id('ada') }),
  prepare: (stage) =>
    stage.write(stage.cast[0], profile.entity(stage), ...set({ name: 'Ada', city: 'London' })),
  async apart(stage) {
    const [us, eu, ap] = stage.cast;
    await stage.write(us, profile.entity(stage), ...set({ name: 'Ada Byron' }));
    await stage.write(ap, profile.entity(stage), ...set({ city: 'Turin' }));
    await stage.write(eu, profile.entity(stage), ...set({ name: 'Ada Lovelace' }));
  },
  show: (value) => showFields(value, 'name', 'city'),
  async expect(stage, { together }) {
    const fed = await Promise.all(stage.cast.map((region) => stage.conflicts(region, profile.entity(stage))));
    const keepsLoser = fed.every((conflicts) =>
      conflicts.some(({ field, low, high }) => {
        const changes = JSON.stringify([low.change, high.change]);
        return field === 'name' && changes.includes('"Ada Byron"') && changes.includes('"Ada Lovelace"');
      }),
    );
    return [
      everywhere(together, 'name', 'Ada Lovelace'),
      everywhere(together, 'city', 'Turin'),
      { what: 'every conflict feed keeps "Ada Byron"', holds: keepsLoser },
    ];
  },
};

function set(values: Readonly<Record<string, string | number>>) {
  return Object.entries(values).map(([field, value]) => ({ field, op: 'set', value }));
}

const meeting: Example = {
  name: 'meeting slot',
  lesson: 'both stand side by side until a person decides',
  entity: (stage) => ({ type: 'meeting', id: stage.id('meeting') }),
  async apart(stage) {
    const [us, eu] = stage.cast;
    await stage.write(us, meeting.entity(stage), ...set({ slot: '10:00' }));
    await stage.write(eu, meeting.entity(stage), ...set({ slot: '11:00' }));
  },
  async decide(stage) {
    const ap = stage.cast[2];
    const [open] = await stage.conflicts(ap, meeting.entity(stage));
    if (open) await stage.resolve(ap, open, { field: 'slot', op: 'set', value: '10:30' });
  },
  show: (value) => showFields(value, 'slot'),
  async expect(stage, { together, decided = {} }) {
    const fed = await Promise.all(stage.cast.map((region) => stage.conflicts(region, meeting.entity(stage))));
    const resolved = fed.every(
      (conflicts) => conflicts.length > 0 && conflicts.every((one) => one.resolvedBy !== null),
    );
    return [
      everywhere(together, 'slot', { siblings: ['10:00', '11:00'] }),
      everywhere(decided, 'slot', '10:30'),
      { what: 'the conflict is resolved in every region', holds: resolved },
    ];
  },
};

const tags: Example = {
  name: 'tags',
  lesson: 'an add that the removal had not seen stays; of hidden ones, the removal stays',
  entity: (stage) => ({ type: 'article', id: stage.id('article') }),
  prepare: (stage) =>
    stage.write(stage.cast[0], tags.entity(stage), ...add('tags', 'draft', 'new'), ...add('hidden', 'ads')),
  async apart(stage) {
    const [us, eu, ap] = stage.cast;
    await stage.write(us, tags.entity(stage), ...remove('tags', 'draft', 'new'), ...remove('hidden', 'ads'));
    await stage.write(eu, tags.entity(stage), ...add('tags', 'draft'), ...add('hidden', 'ads'));
    await stage.write(ap, tags.entity(stage), ...add('tags', 'urgent'));
  },
  show: (value) => showFields(value, 'tags', 'hidden'),
  expect: (_stage, { together }) => [
    everywhere(together, 'tags', ['draft', 'urgent']),
    everywhere(together, 'hidden', []),
  ],
};

function add(field: string, ...elements: readonly string[]) {
  return elements.map((element) => ({ field, op: 'add', element }));
}

function remove(field: string, ...elements: readonly string[]) {
  return elements.map((element) => ({ field, op: 'remove', element }));
}

const sensor: Example = {
  name: 'sensor readings',
  lesson: 'lowest, highest and number of all readings, in whatever order they come',
  entity: (stage) => ({ type: 'sensor', id: stage.id('sensor') }),
  async apart(stage) {
    const readings = [[211, 187], [205, 229], [198]];
    for (const [index, region] of stage.cast.entries()) {
      for (const value of readings[index] ?? []) {
        await stage.write(
          region,
          sensor.entity(stage),
          { field: 'lowest', op: 'lower', value },
          { field: 'highest', op: 'raise', value },
          { field: 'readings', op: 'increment', by: 1 },
        );
      }
    }
  },
  show: (value) => showFields(value, 'lowest', 'highest', 'readings'),
  expect: (_stage, { together }) => [
    everywhere(together, 'lowest', 187),
    everywhere(together, 'highest', 229),
    everywhere(together, 'readings', 5),
  ],
};

const dns: Example = {
  name: 'DNS-like record',
  lesson: 'a delete beats the update it had not seen; written again, the record is back',
  entity: (stage) => ({ type: 'dns', id: stage.id('www.example.org') }),
  prepare: (stage) =>
    stage.write(stage.cast[0], dns.entity(stage), ...set({ address: '192.0.2.1', ttlSeconds: 3600 })),
  async apart(stage) {
    const [us, eu, ap] = stage.cast;
    await stage.write(us, dns.entity(stage), ...set({ address: '192.0.2.7' }));
    await stage.remove(eu, dns.entity(stage));
    // In the deleting region itself it would be a new record, not an update of the old one.
    if (ap !== eu) await stage.write(ap, dns.entity(stage), ...set({ ttlSeconds: 60 }));
  },
  decide: (stage) =>
    stage.write(stage.cast[0], dns.entity(stage), ...set({ address: '198.51.100.4', ttlSeconds: 300 })),
  show: (value) => showFields(value, 'address', 'ttlSeconds'),
  expect: (_stage, { together, decided = {} }) => [
    {
      what: 'the record is gone in every region',
      holds: Object.values(together).every((value) => value === null),
    },
    everywhere(decided, 'address', '198.51.100.4'),
    everywhere(decided, 'ttlSeconds', 300),
  ],
};

/** What was told: how many regions refused to read it while cut off, and how many captured it. */
const paymentTold = new WeakMap<Stage, { refused: number; captured: number }>();

const payment: Example = {
  name: 'payment',
  lesson:
    'captured once, though every region tries at the same time; who is cut off refuses rather than guess',
  entity: (stage) => ({ type: 'payment', id: stage.id('payment') }),
  prepare: (stage) => stage.write(stage.cast[0], payment.entity(stage), ...set({ cents: 4_200 })),
  async apart(stage) {
    const reads = stage.cast.map((region) => stage.readStrong(region, payment.entity(stage)));
    const refused = (await Promise.all(reads)).filter((read) => read === undefined).length;
    paymentTold.set(stage, { refused, captured: 0 });
  },
  async decide(stage) {
    const [us] = stage.cast;
    const read = await stage.awaitStrong(us, payment.entity(stage));
    for (const region of stage.cast) await stage.awaitStrong(region, payment.entity(stage));
    const tries = stage.cast.map((region) => stage.swap(region, read, 'capturedBy', region));
    const captured = (await Promise.all(tries)).filter(Boolean).length;
    paymentTold.set(stage, { refused: paymentTold.get(stage)?.refused ?? 0, captured });
  },
  show: (value) =>
    value === null
      ? '-'
      : `${Number(value['cents'])} cents, ${captor(value) ? `captured by ${captor(value)}` : 'open'}`,
  expect(stage, { decided = {} }) {
    const { refused, captured } = paymentTold.get(stage) ?? { refused: 0, captured: 0 };
    const alone = new Set(stage.cast).size === 1;
    return [
      {
        what: 'no region without a majority answers a strong read',
        holds: refused === (alone ? 0 : stage.cast.length),
      },
      { what: `one of ${stage.cast.length} tries captures it, not ${captured}`, holds: captured === 1 },
      {
        what: 'every region knows by whom',
        holds:
          new Set(Object.values(decided).map(captor)).size === 1 &&
          captor(Object.values(decided)[0] ?? null) !== '',
      },
    ];
  },
};

function captor(value: JsonObject | null): string {
  const by = value?.['capturedBy'];
  return typeof by === 'string' ? by : '';
}

/** All but the document, which has a step of its own. */
export const examples: readonly Example[] = [
  cart,
  lastUnits,
  payment,
  viewing,
  likes,
  profile,
  meeting,
  tags,
  sensor,
  dns,
];
