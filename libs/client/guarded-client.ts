import { UnvalidatedInput } from './errors.js';
import type { CallOptions, RegionClient, WriteOptions } from './region-client.js';
import type { Change, EntityRead, EntityRef, WriteResult } from './wire.js';

/** What a declaration says of each type, as far as it matters here: `defineAtoll(…).entities` is one. */
export type DeclaredTypes = Readonly<Record<string, { readonly consistency: 'eventual' | 'strong' }>>;

declare const promise: unique symbol;

/** A read, with what it promised. `weak`: it may be older than what its home has; another may have written since. */
export type Basis<Type extends string, Promised extends 'weak' | 'strong'> = EntityRead & {
  readonly type: Type;
  readonly [promise]: Promised;
};

/** A read of whatever level that goes to the home with the change: refused there unless it is still what is. */
export interface Validated<Type extends string> {
  readonly kind: 'validated';
  readonly basis: Basis<Type, 'weak' | 'strong'>;
}

/**
 * What a change of a strong type may be computed from: strong reads, and reads of the very entity that are validated at
 * its home. A weak read of anything else would carry its staleness into what is promised to have none.
 */
export type StrongInput<Type extends string> = Basis<string, 'strong'> | Validated<Type>;

type StrongTypes<D extends DeclaredTypes> = {
  [T in keyof D & string]: D[T]['consistency'] extends 'strong' ? T : never;
}[keyof D & string];

type OtherTypes<D extends DeclaredTypes> = Exclude<keyof D & string, StrongTypes<D>>;

/** A client that knows which types are strong, and lets no weak read into their changes. Types and run time agree. */
export interface GuardedClient<D extends DeclaredTypes> {
  /** Linearizable; for strong types only. */
  readStrong<T extends StrongTypes<D>>(
    type: T,
    id: string,
    options?: Omit<CallOptions, 'consistency'>,
  ): Promise<Basis<T, 'strong'>>;
  /** At any other level. */
  read<T extends keyof D & string>(
    type: T,
    id: string,
    options?: CallOptions & { readonly consistency?: WeakLevel },
  ): Promise<Basis<T, 'weak'>>;
  /**
   * Changes an entity of a strong type. `basedOn`: every read that the change was computed from; empty where there was
   * none. @throws UnvalidatedInput before anything is sent, RequestRefused `precondition_failed` from the home
   */
  changeStrong<T extends StrongTypes<D>>(
    type: T,
    id: string,
    change: Change,
    options: Omit<WriteOptions, 'ifMatch'> & { readonly basedOn: readonly StrongInput<T>[] },
  ): Promise<WriteResult>;
  change<T extends OtherTypes<D>>(
    type: T,
    id: string,
    change: Change,
    options: WriteOptions,
  ): Promise<WriteResult>;
}

/** Every level but `strong`, as the header has it. */
export type WeakLevel = 'eventual' | 'session' | 'causal' | 'quorum' | `bounded;max=${string}`;

/** Lets the home of the entity decide whether this read is still what is: the change is refused where it is not. */
export function validated<T extends string>(basis: Basis<T, 'weak' | 'strong'>): Validated<T> {
  return { kind: 'validated', basis };
}

/** Reads that promised to be strong. Kept apart from the objects themselves: what came over JSON claims nothing. */
const strongReads = new WeakSet<object>();

export function guard<const D extends DeclaredTypes>(client: RegionClient, types: D): GuardedClient<D> {
  const assertStrong = (type: string, strong: boolean): void => {
    const declared = types[type]?.consistency === 'strong';
    if (declared === strong) return;
    throw new UnvalidatedInput(strong ? `${type} is not a strong type` : `${type} is a strong type`);
  };
  return {
    async readStrong(type, id, options) {
      assertStrong(type, true);
      const read = await client.read({ type, id }, { ...options, consistency: 'strong' });
      strongReads.add(read);
      return read as Basis<typeof type, 'strong'>;
    },
    async read(type, id, options) {
      return (await client.read({ type, id }, options)) as Basis<typeof type, 'weak'>;
    },
    async changeStrong(type, id, change, { basedOn, ...options }) {
      assertStrong(type, true);
      const ifMatch = versionFor({ type, id }, basedOn);
      return client.change({ type, id }, change, { ...options, ...(ifMatch !== undefined && { ifMatch }) });
    },
    async change(type, id, change, options) {
      assertStrong(type, false);
      return client.change({ type, id }, change, options);
    },
  };
}

/** What the home has to find. @throws UnvalidatedInput when an input is neither strong nor for the home to validate */
function versionFor(
  entity: EntityRef,
  basedOn: readonly (Basis<string, 'weak' | 'strong'> | Validated<string>)[],
): string | undefined {
  let version: string | undefined;
  for (const input of basedOn) {
    const basis = isValidated(input) ? input.basis : input;
    const isOwn = basis.type === entity.type && basis.id === entity.id;
    const name = `${basis.type}/${basis.id}`;
    if (!isOwn && isValidated(input))
      throw new UnvalidatedInput(`${name} cannot be validated with a change of ${entity.type}/${entity.id}`);
    if (!isValidated(input) && !strongReads.has(basis))
      throw new UnvalidatedInput(`${name} was not read at level strong, and is not validated at its home`);
    if (!isOwn) continue;
    if (version !== undefined && version !== basis.version)
      throw new UnvalidatedInput(`${name} was read at two versions: no home can find both`);
    version = basis.version;
  }
  return version;
}

function isValidated(
  input: Basis<string, 'weak' | 'strong'> | Validated<string>,
): input is Validated<string> {
  return 'kind' in input && input.kind === 'validated';
}
