import type { Acks } from '#core/consistency/acks.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { nothingSeen } from '#core/causality/version-vector.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { entityKey } from '#core/event/shard-of.js';
import { encodeVector } from '#core/causality/version-vector.js';
import type { Json, JsonObject } from '#core/json.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Command, CommandPart } from '../service.js';

/** A command with everything the owner of its shard needs to decide it: no token left to check. */
export interface PreparedCommand extends Omit<Command, 'also'> {
  readonly mutationId: string;
  /** 22 characters of base64url: what tells a retry from another command under the same id. */
  readonly digest: string;
  /** Its id was made for this try and nobody else has it: there is no record of it to look for. */
  readonly isFirstTry: boolean;
  readonly key: string;
  readonly hasObserved: boolean;
  /** What the client's session depends on in this shard. */
  readonly depends: VersionVector;
  /** Whether its event asks those who store it to tell this region at once. */
  readonly asksAcks: boolean;
  /** What its client asked for; absent: nothing. */
  readonly acks?: Acks;
  /** It was brought to the home, to be decided there as a strong one. Absent: it is decided for this region. */
  readonly isStrong?: boolean;
  /** A strong command that is answered before it is decided, because its type and its client said so. Absent: it is not. */
  readonly isEarly?: boolean;
  /** What its event carries (level causal): the session's cursors of all shards, without stable ones. */
  readonly dependencies?: Dependencies;
  /** For the queue's limit: characters of its canonical form. */
  readonly bytes: number;
  /** The further parts of an atomic change, each with everything that the command as a whole has. */
  readonly also?: readonly PreparedCommand[];
}

/** The command itself, and the further parts of an atomic change. */
export function partsOf(command: PreparedCommand): readonly PreparedCommand[] {
  return command.also ? [command, ...command.also] : [command];
}

/** Of base64url: 132 bits. */
const digestCharacters = 22;

export interface CommandPreparation {
  readonly mutationId: string;
  /** The session token's cursors for the command's shard. */
  readonly depends: VersionVector | undefined;
  /** Of a causal command, what its event carries. No part of the digest: a retry may come with another token. */
  readonly dependencies: Dependencies | undefined;
  readonly asksAcks: boolean;
  readonly acks?: Acks | undefined;
}

export function prepareCommand(
  command: Command,
  { mutationId, depends, dependencies, asksAcks, acks }: CommandPreparation,
  hashing: Hashing,
): PreparedCommand {
  const { also, ...alone } = command;
  const canonical = canonicalText(canonicalCommand(command));
  const digest = hashing.sha256OfText(canonical).slice(0, digestCharacters);
  const common = {
    mutationId,
    digest,
    isFirstTry: command.mutationId === undefined,
    depends: depends ?? nothingSeen,
    asksAcks,
    ...(acks && { acks }),
    ...(dependencies && { dependencies }),
  };
  const { trace, consistency } = command;
  const ofCommand = { ...common, ...(trace !== undefined && { trace }), ...(consistency && { consistency }) };
  const others = also?.map((part) => ({ ...part, ...partFacts(part), ...ofCommand, bytes: 0 }));
  return {
    ...alone,
    ...partFacts(command),
    ...common,
    bytes: canonical.length,
    ...(others && others.length > 0 && { also: others }),
  };
}

function partFacts({ entity, observed }: CommandPart): Pick<PreparedCommand, 'key' | 'hasObserved'> {
  return { key: entityKey(entity), hasObserved: observed !== undefined };
}

/** What a causal answer adds to the token (PROTOCOL §7). */
export function dependenciesFor(
  { consistency }: PreparedCommand,
  state: EntityState | undefined,
): { readonly dependencies?: Dependencies } {
  return consistency === 'causal' && state?.dependencies ? { dependencies: state.dependencies } : {};
}

/** What makes two tries the same command: everything that was asked, nothing about how it was sent. Keys in canonical order. */
function canonicalCommand(command: Command): Json {
  const { type = '', ...rest } = canonicalPart(command);
  const whole = { ...rest, resolves: command.resolves ?? [], type };
  return command.also ? { also: command.also.map(canonicalPart), ...whole } : whole;
}

function canonicalPart({ entity, kind, observed, operations }: CommandPart): JsonObject {
  return {
    id: entity.id,
    kind,
    observed: observed ? encodeVector(observed) : null,
    operations,
    type: entity.type,
  };
}
