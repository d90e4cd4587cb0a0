import { formatDot } from '#core/causality/dot.js';
import { formatEpoch, noEpoch } from '#core/strong/epoch.js';
import type { ShardOwner } from '#flow/ports/event-log.js';
import type { RegionService, ServiceStatus } from '#flow/service.js';
import type { SloAnswer, TopologyAnswer } from '#io/http/admin-answers.js';
import type { Quantiles } from '#io/telemetry/prometheus.js';
import { vectorObject, type Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';

/** What operators ask about the region itself. */
export function adminOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    async topology(): Promise<Answer<TopologyAnswer>> {
      const [status, ready] = await Promise.all([service.status(), service.isReady()]);
      const { actor, process, shards, owned, isolated, pending, parked } = status;
      const members = [...parts.members];
      const own = { region, actor, process, members, shards, owned: [...owned] };
      const clock = { ...status.clock, disagreements: [...status.clock.disagreements] };
      return { body: { ...own, ready, isolated, clock, pending, parked, types: describeTypes(parts) } };
    },

    async links() {
      const { links } = await service.status();
      return {
        body: { region, links: links.map((link) => ({ ...link, refusedTypes: [...link.refusedTypes] })) },
      };
    },

    async shards() {
      const [status, owners] = await Promise.all([service.status(), service.owners()]);
      const shards = owners.map((owner) => describeShard(owner, status, service.homes()));
      return { body: { region, shards } };
    },

    async quarantine(limit: number) {
      const rows = await service.quarantine(limit);
      const events = rows.map(({ dot, shard, entity, state, waitsFor, waitsIn, reason }) => ({
        dot: formatDot(dot, shard),
        ...entity,
        state,
        waitsFor: waitsFor === undefined ? null : formatDot(waitsFor, waitsIn ?? shard),
        reason: reason ?? null,
      }));
      return { body: { region, events } };
    },

    async slo(): Promise<Answer<SloAnswer>> {
      const [status, ready] = await Promise.all([service.status(), service.isReady()]);
      const [lag, commits, staleness, acks] = await Promise.all([
        parts.quantiles('lag_millis'),
        parts.quantiles('commit_millis'),
        parts.quantiles('staleness_millis'),
        parts.quantiles('acks_millis'),
      ]);
      const { process, isolated, pending, parked } = status;
      const lagMillis = lag.map(({ labels, ...rest }) => ({
        from: String(labels.from ?? ''),
        to: String(labels.to ?? ''),
        ...rest,
      }));
      const stalenessMillis = staleness.map(({ labels, ...rest }) => ({
        from: String(labels.from ?? ''),
        ...rest,
      }));
      return {
        body: {
          region,
          process,
          ready,
          isolated,
          pending,
          parked,
          lagMillis,
          stalenessMillis,
          commitMillis: onlyOf(commits),
          acksMillis: onlyOf(acks),
        },
      };
    },
  };
}

function describeShard(
  owner: ShardOwner,
  { cursors }: ServiceStatus,
  homes: ReturnType<RegionService['homes']>,
) {
  const { region, epoch } = homes.get(owner.shard) ?? { region: null, epoch: noEpoch };
  const own = cursors.get(owner.shard) ?? new Map();
  return { ...owner, home: region, epoch: formatEpoch(epoch), cursors: vectorObject(own) };
}

function describeTypes({ types, policyHashes }: ApiParts): TopologyAnswer['types'] {
  return [...types.values()].map(({ name, schemaVersion, onDelete, consistency, fields }) => ({
    name,
    schemaVersion,
    onDelete,
    consistency,
    policyHash: policyHashes.get(name) ?? '',
    fields: [...fields].map(([field, { policy }]) => ({
      name: field,
      policy: policy.name,
      version: policy.version,
    })),
  }));
}

/** Of a metric without labels; `null` while it has no value. */
function onlyOf([first]: readonly Quantiles[]): SloAnswer['commitMillis'] {
  if (first === undefined || first.count === 0) return null;
  const { count, p50, p99, p999 } = first;
  return { count, p50, p99, p999 };
}
