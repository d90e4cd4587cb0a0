import type { VersionVector } from '#core/causality/version-vector.js';
import { nothingSeen } from '#core/causality/version-vector.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { entityKey } from '#core/event/shard-of.js';
import { encodeVector } from '#core/causality/version-vector.js';
import type { Json } from '#core/json.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Command } from '../service.js';

/** A command with everything the owner of its shard needs to decide it: no token left to check. */
export interface PreparedCommand extends Command {
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
  /** A strong command that is answered before it is decided, because its type and its client said so. Absent: it is not. */
  readonly isEarly?: boolean;
  /** What its event carries (level causal): the session's cursors of all shards, without stable ones. */
  readonly dependencies?: Dependencies;
  /** For the queue's limit: characters of its canonical form. */
  readonly bytes: number;
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
  readonly isEarly: boolean;
}

export function prepareCommand(
  command: Command,
  { mutationId, depends, dependencies, asksAcks, isEarly }: CommandPreparation,
  hashing: Hashing,
): PreparedCommand {
  const canonical = canonicalText(canonicalCommand(command));
  return {
    ...command,
    mutationId,
    digest: hashing.sha256OfText(canonical).slice(0, digestCharacters),
    isFirstTry: command.mutationId === undefined,
    key: entityKey(command.entity),
    hasObserved: command.observed !== undefined,
    depends: depends ?? nothingSeen,
    asksAcks,
    ...(isEarly && { isEarly }),
    ...(dependencies && { dependencies }),
    bytes: canonical.length,
  };
}

/** What a causal answer adds to the token (PROTOCOL §7). */
export function dependenciesFor(
  { consistency }: PreparedCommand,
  state: EntityState | undefined,
): { readonly dependencies?: Dependencies } {
  return consistency === 'causal' && state?.dependencies ? { dependencies: state.dependencies } : {};
}

/** What makes two tries the same command: everything that was asked, nothing about how it was sent. */
function canonicalCommand(command: Command): Json {
  return {
    id: command.entity.id,
    kind: command.kind,
    observed: command.observed ? encodeVector(command.observed) : null,
    operations: command.operations,
    resolves: command.resolves ?? [],
    type: command.entity.type,
  };
}
