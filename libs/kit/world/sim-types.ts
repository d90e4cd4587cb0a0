import type { EntityType, EntityTypes, DeleteRule, PartitionRule } from '#core/merge/entity-type.js';
import { membershipType } from '#core/strong/membership-record.js';
import {
  addWinsMap,
  addWinsSet,
  boundedCounter,
  counter,
  custom,
  flag,
  growOnlyCounter,
  lastWriterWins,
  maxRegister,
  minRegister,
  multiValue,
  orderedStatus,
  removeWinsSet,
  text,
} from '#core/merge/policies.js';
import type { Json } from '#core/json.js';
import type { AnyPolicy } from '#core/merge/policy.js';
import type { FieldOperation } from '#flow/service.js';
import type { SeededRandom } from './seeded-random.js';

/** Draws one operation on a field; `unique` tells written values apart. */
type Draw = (
  random: SeededRandom,
  unique: string,
) => { readonly op: string; readonly [argument: string]: Json | undefined };

interface SimField {
  readonly policy: AnyPolicy;
  readonly draw: Draw;
}

const elements = ['red', 'green', 'blue'];
const states = ['created', 'paid', 'packed', 'sent'];

const set: Draw = (_random, unique) => ({ op: 'set', value: unique });
const element: Draw = (random) => ({
  op: random.chance(0.6) ? 'add' : 'remove',
  element: random.pick(elements),
});
const increment: Draw = (random) => ({ op: 'increment', by: random.between(1, 9) });

const simRegions = ['eu', 'us', 'ap'];

/** More is asked for than is there, so that regions have to ask each other. */
const trade: Draw = (random) => {
  const by = random.between(1, 4);
  if (random.chance(0.4)) return { op: 'increment', by };
  if (random.chance(0.65)) return { op: 'spend', by };
  if (random.chance(0.5)) return { op: 'reserve', by, forMillis: random.between(50, 800) };
  return { op: 'transfer', to: random.pick(simRegions), by };
};

/** The user's own policy: keeps the longest word, the greater of two equally long ones. */
const longest = custom<string, string>({
  name: 'longest',
  version: 1,
  operations: ['offer'],
  initial: '',
  decide: (_value, { word }) =>
    typeof word === 'string' ? { change: word } : { refuse: 'word is a string', path: '/word' },
  apply: (value, word) => {
    if (word.length !== value.length) return word.length > value.length ? word : value;
    return word > value ? word : value;
  },
});

/** Some heartbeats long. */
const ticketLeaseMillis = 250;

const fieldsByType: Readonly<
  Record<
    string,
    {
      readonly onDelete: DeleteRule;
      readonly consistency?: 'strong';
      readonly partitionBy?: PartitionRule;
      readonly fields: Readonly<Record<string, SimField>>;
    }
  >
> = {
  likes: {
    onDelete: 'update-wins',
    fields: {
      count: { policy: counter(), draw: (random) => ({ op: 'increment', by: random.between(-5, 9) }) },
      views: { policy: growOnlyCounter(), draw: increment },
    },
  },
  cart: {
    onDelete: 'update-wins',
    fields: {
      lines: {
        policy: addWinsMap(counter()),
        draw: (random) =>
          random.chance(0.75)
            ? { op: 'at', key: random.pick(elements), then: { op: 'increment', by: random.between(1, 5) } }
            : { op: 'remove', key: random.pick(elements) },
      },
      coupon: { policy: lastWriterWins(), draw: set },
    },
  },
  profile: {
    onDelete: 'delete-wins',
    fields: {
      name: { policy: lastWriterWins(), draw: set },
      tags: { policy: addWinsSet(), draw: element },
      blocked: { policy: removeWinsSet(), draw: element },
    },
  },
  slot: {
    onDelete: 'update-wins',
    fields: {
      owner: { policy: multiValue(), draw: set },
      open: {
        policy: flag({ concurrent: 'enable-wins' }),
        draw: (random) => ({ op: random.chance(0.5) ? 'enable' : 'disable' }),
      },
      muted: {
        policy: flag({ concurrent: 'disable-wins' }),
        draw: (random) => ({ op: random.chance(0.5) ? 'enable' : 'disable' }),
      },
    },
  },
  viewing: {
    onDelete: 'update-wins',
    fields: {
      furthest: {
        policy: maxRegister(),
        draw: (random) => ({ op: 'raise', value: random.between(0, 1_000) }),
      },
      earliest: {
        policy: minRegister(),
        draw: (random) => ({ op: 'lower', value: random.between(0, 1_000) }),
      },
      state: {
        policy: orderedStatus(states),
        draw: (random) => ({ op: 'advance', to: random.pick(states) }),
      },
    },
  },
  stock: {
    onDelete: 'update-wins',
    fields: {
      units: { policy: boundedCounter({ min: 0 }), draw: trade },
      held: { policy: boundedCounter({ min: -3, max: 12 }), draw: trade },
    },
  },
  note: {
    onDelete: 'update-wins',
    fields: {
      body: {
        policy: text(),
        draw: (random) => ({ op: 'splice', index: 0, delete: 0, insert: random.pick(['ab', 'c', 'xyz']) }),
      },
      word: {
        policy: longest,
        draw: (random) => ({ op: 'offer', word: 'w'.repeat(random.between(1, 6)) + random.between(0, 9) }),
      },
    },
  },
  /** Its rights go to others once their lease has lapsed: its clients are in sim-rights.ts. */
  ticket: {
    onDelete: 'update-wins',
    fields: {
      left: { policy: boundedCounter({ min: 0 }, { leaseMillis: ticketLeaseMillis }), draw: trade },
      seats: { policy: boundedCounter({ min: 0, max: 60 }, { leaseMillis: ticketLeaseMillis }), draw: trade },
    },
  },
  /** One region at a time writes it, and a majority stores it: its clients are in sim-strong.ts. */
  seat: {
    onDelete: 'update-wins',
    consistency: 'strong',
    fields: { owner: { policy: lastWriterWins(), draw: set } },
  },
  /** Changed several at a time: their clients are in sim-groups.ts. */
  purse: {
    onDelete: 'update-wins',
    consistency: 'strong',
    partitionBy: { idBefore: ':' },
    fields: { coins: { policy: counter(), draw: increment } },
  },
  /** The same, and known to one region only until the others are upgraded. */
  vault: {
    onDelete: 'update-wins',
    consistency: 'strong',
    partitionBy: { idBefore: ':' },
    fields: { coins: { policy: counter(), draw: increment } },
  },
  /** Moved between strong and eventual while it is written: its clients are in sim-moves.ts. */
  booth: {
    onDelete: 'update-wins',
    fields: { visits: { policy: growOnlyCounter(), draw: increment } },
  },
  /** One region folds it otherwise than the others until it is upgraded: its events are parked until then. */
  torn: {
    onDelete: 'update-wins',
    fields: { count: { policy: counter(), draw: increment } },
  },
  /** Known to one region only until the others are upgraded: its events are parked there, and folded in the end. */
  late: {
    onDelete: 'update-wins',
    fields: { count: { policy: counter(), draw: increment } },
  },
};

export const lateType = 'late';
export const tornType = 'torn';
export const leasedType = 'ticket';
export const movedType = 'booth';
export const purseType = 'purse';
export const vaultType = 'vault';

export const simTypes: EntityTypes = new Map(
  Object.entries(fieldsByType).map(([name, declared]): [string, EntityType] => {
    const { onDelete, fields, consistency = 'eventual', partitionBy } = declared;
    return [
      name,
      {
        ...{ name, schemaVersion: 1, onDelete, consistency },
        ...(partitionBy && { partitionBy }),
        fields: new Map(Object.entries(fields).map(([field, { policy }]) => [field, { policy }])),
      },
    ];
  }),
);

/** With those of the service itself: what a database of the world may hold. */
export const heldTypes: EntityTypes = new Map([...simTypes, [membershipType.name, membershipType]]);

/** What regions know that have not been upgraded yet. */
export const earlierTypes: EntityTypes = new Map(
  [...simTypes].filter(([name]) => name !== lateType && name !== vaultType),
);

/** Draws one to three operations on one entity of the type. */
export function drawOperations(
  type: string,
  random: SeededRandom,
  unique: string,
): readonly FieldOperation[] {
  const fields = Object.entries(fieldsByType[type]?.fields ?? {});
  return Array.from({ length: random.chance(0.8) ? 1 : random.between(2, 3) }, (_, index) => {
    const [field, { draw }] = random.pick(fields);
    return { ...draw(random, `${unique}/${index}`), field } as FieldOperation;
  });
}
