import type { VersionVector } from '#core/causality/version-vector.js';
import { nothingSeen } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { entityKey } from '#core/event/shard-of.js';
import { encodeVector } from '#core/causality/version-vector.js';
import type { Json } from '#core/json.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Command } from '../service.js';

/** A command with everything the owner of its shard needs to decide it: no token left to check. */
export interface PreparedCommand extends Command {
  readonly mutationId: string;
  /** 22 characters of base64url: what tells a retry from another command under the same id. */
  readonly digest: string;
  readonly key: string;
  readonly hasObserved: boolean;
  /** What the client's session depends on in this shard. */
  readonly depends: VersionVector;
  /** For the queue's limit. */
  readonly bytes: number;
}

const digestBytes = 16;

/** @param depends the session token's cursors for the command's shard. */
export function prepareCommand(
  command: Command,
  mutationId: string,
  depends: VersionVector | undefined,
  hashing: Hashing,
): PreparedCommand {
  const canonical = hashing.utf8(canonicalText(canonicalCommand(command)));
  const digest = hashing.base64Url(hexBytes(hashing.sha256Hex(canonical), digestBytes));
  return {
    ...command,
    mutationId,
    digest,
    key: entityKey(command.entity),
    hasObserved: command.observed !== undefined,
    depends: depends ?? nothingSeen,
    bytes: canonical.length,
  };
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

function hexBytes(hex: string, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let index = 0; index < count; index += 1)
    bytes[index] = (digitAt(hex, 2 * index) << 4) | digitAt(hex, 2 * index + 1);
  return bytes;
}

/** Of lower-case hexadecimal. */
function digitAt(hex: string, index: number): number {
  const unit = hex.charCodeAt(index);
  return unit <= 0x39 ? unit - 0x30 : unit - 0x57;
}
