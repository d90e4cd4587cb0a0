import { encodeVector } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Json } from '#core/json.js';
import type { Heartbeat } from '../ports/peers.js';

/**
 * A heartbeat as it stands on the control topic, for whoever reads the cluster: canonical JSON
 * `{v, kind, region, actor, process, number, shards: {shard: {lastSeq, stored, folded}}}`. Echoes are for peers only.
 */
export function encodeAnnouncement({ region, actor, process, number, shards }: Heartbeat): string {
  const byShard: Record<string, Json> = {};
  for (const { shard, lastSeq, stored, folded } of shards)
    byShard[String(shard)] = { lastSeq, stored: encodeVector(stored), folded: encodeVector(folded) };
  return canonicalText({ v: 1, kind: 'heartbeat', region, actor, process, number, shards: byShard });
}
