import { parseDot, type Dot } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Event } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import type { DeleteRule, EntityType } from '#core/merge/entity-type.js';
import type { AnyPolicy } from '#core/merge/policy.js';

/** `us:3` as a dot of the first life of region us. */
export function dotOf(text: string): Dot {
  const [region, seq] = text.split(':');
  const parsed = parseDot(`${region}~1:0:${seq}`);
  if (parsed === undefined) throw new Error(`not a dot: ${text}`);
  return parsed.dot;
}

/** `us:3 eu:1` as a version vector. */
export function vectorOf(text: string): VersionVector {
  const dots = text.split(' ').filter(Boolean).map(dotOf);
  return new Map(dots.map(({ actor, seq }) => [actor, seq]));
}

export interface EventParts {
  /** `us:1 eu:2`; left out: nothing. */
  readonly context?: string;
  readonly observed?: string;
  /** Left out: an update that changes nothing. */
  readonly set?: Readonly<Record<string, Json>>;
  readonly changes?: readonly (readonly [field: string, change: Json])[];
  readonly kind?: 'update' | 'delete';
  readonly mutation?: string;
  readonly wallMillis?: number;
  readonly policyVersion?: number;
  readonly schemaVersion?: number;
  readonly group?: Event['group'];
}

/** An event of entity law/1, told by what matters to a test. */
export function eventOf(dot: string, parts: EventParts = {}): Event {
  const { actor, seq } = dotOf(dot);
  const changes = [...Object.entries(parts.set ?? {}), ...(parts.changes ?? [])];
  return {
    shard: 7,
    dot: { actor, seq },
    prev: '',
    entity: { type: 'law', id: '1' },
    kind: parts.kind ?? 'update',
    schemaVersion: parts.schemaVersion ?? 1,
    changes: changes.map(([field, change]) => ({ field, policyVersion: parts.policyVersion ?? 1, change })),
    context: vectorOf(parts.context ?? ''),
    ...(parts.observed === undefined ? {} : { observed: vectorOf(parts.observed) }),
    time: { wallMillis: parts.wallMillis ?? seq, counter: 0, actor },
    mutation: { id: parts.mutation ?? `key ${dot}`, digest: '' },
    ...(parts.group === undefined ? {} : { group: parts.group }),
  };
}

export function lawType(
  fields: Readonly<Record<string, AnyPolicy>>,
  onDelete: DeleteRule = 'update-wins',
  fallbacks: Readonly<Record<string, Json>> = {},
): EntityType {
  return {
    name: 'law',
    schemaVersion: 1,
    onDelete,
    consistency: 'eventual',
    fields: new Map(
      Object.entries(fields).map(([name, policy]) => {
        const fallback = fallbacks[name];
        return [name, fallback === undefined ? { policy } : { policy, fallback }];
      }),
    ),
  };
}
