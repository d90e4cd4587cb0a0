import { randomUUID } from 'node:crypto';
import { limitsDefault, timingDefault } from '#flow/limits.js';
import type { EventLog } from '#flow/ports/event-log.js';
import type { Transport } from '#flow/ports/transport.js';
import type { Telemetry } from '#flow/ports/telemetry.js';
import { createRegionProcess, type RegionProcess } from '#flow/region-process.js';
import { GrpcPeers } from '#io/grpc/grpc-peers.js';
import { trustingAuthentication } from '#io/grpc/peer-authentication.js';
import { startPeerServer } from '#io/grpc/peer-service.js';
import { KafkaTransport } from '#io/kafka/kafka-transport.js';
import type { KafkaDriverName } from '#io/kafka/settings.js';
import { openPostgresEventLog } from '#io/postgres/postgres-event-log.js';
import { createJsonLog } from '#io/telemetry/json-log.js';
import { createPrometheusTelemetry } from '#io/telemetry/prometheus.js';
import { nodeHashing } from '#io/wire/hashing.js';
import { policyHashes } from '#io/wire/policy-hash.js';
import { createRecordAuth } from '#io/wire/record-auth.js';
import { systemClock } from '#io/wire/system-clock.js';
import { systemRandom } from '#io/wire/system-random.js';
import { benchTypes } from './bench-types.js';
import type { ClientAddresses, ServedClients, ServedParts } from './serve-clients.js';

/** A region as a bench sets it up. Plain data: it goes to the process that runs the region. */
export interface RegionSettings {
  readonly region: string;
  readonly postgresUrl: string;
  /** Per member, this region among them: its brokers as seen from here. */
  readonly brokers: Readonly<Record<string, readonly string[]>>;
  readonly driver: KafkaDriverName;
  /** Where this region's process listens for its peers, and where the others do: `host:port`. */
  readonly grpc: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly shards: number;
  /** Where it serves clients; absent: nowhere. */
  readonly clients?: ClientAddresses;
}

/** What a bench sees of a region beside its API. */
export interface RegionWatch {
  readonly log?: (log: EventLog) => EventLog;
  readonly telemetry?: (telemetry: Telemetry) => Telemetry;
  readonly transport?: (transport: Transport) => Transport;
}

export interface OpenedRegion {
  readonly process: RegionProcess;
  close(): Promise<void>;
}

/**
 * A whole process of a region on real servers, set up as apps/region does: defaults for every limit and time, metrics on,
 * records signed, the public API in front of it where the settings say so. It owns all shards when this resolves.
 */
export async function openRegion(settings: RegionSettings, watch: RegionWatch = {}): Promise<OpenedRegion> {
  const { region, postgresUrl, brokers, driver, grpc, peers: endpoints, shards } = settings;
  const members = Object.keys(brokers);
  const writeLog = createJsonLog({
    level: 'warn',
    always: { region },
    write: (line) => void process.stderr.write(line),
    now: () => new Date(),
  });
  const prometheus = createPrometheusTelemetry(writeLog);
  const log = await openPostgresEventLog({ url: postgresUrl, region, shards });
  const transport = new KafkaTransport({
    driver,
    region,
    brokers,
    shards,
    clientId: region,
    log: ({ level, message, ...details }) => writeLog(level, message, details),
  });
  await transport.open();
  const peers = new GrpcPeers({
    region,
    endpoints: new Map(Object.entries(endpoints).map(([peer, address]) => [peer, [address]])),
  });
  const keys = new Map(
    members.map((member) => [member, new TextEncoder().encode(`record key of ${member}`)]),
  );
  const types = benchTypes.entityTypes;
  const hashes = policyHashes(types);
  const regionProcess = createRegionProcess(
    {
      log: watch.log?.(log) ?? log,
      transport: watch.transport?.(transport) ?? transport,
      peers,
      siblings: peers,
      auth: createRecordAuth({ region, keys }),
      hashing: nodeHashing,
      random: systemRandom,
      clock: systemClock,
      telemetry: watch.telemetry?.(prometheus) ?? prometheus,
    },
    {
      processId: randomUUID(),
      address: grpc,
      types,
      policyHashes: hashes,
      members,
      limits: limitsDefault,
      timing: timingDefault,
    },
  );
  const server = await startPeerServer(grpc, {
    region,
    authenticate: trustingAuthentication(members),
    handlers: regionProcess.handlers,
    heard: peers.heard,
    acked: peers.acked,
    told: peers.told,
  });
  await regionProcess.start();
  const parts = { region, process: regionProcess, types, policyHashes: hashes, members };
  const served = await serve(settings, { ...parts, telemetry: prometheus, log: writeLog });
  return {
    process: regionProcess,
    async close() {
      await served?.close();
      await regionProcess.stop();
      server.close();
      peers.close();
      await transport.close();
      await log.close();
    },
  };
}

/** Loaded where it is needed alone: it takes as long as everything else together. */
async function serve({ clients }: RegionSettings, parts: ServedParts): Promise<ServedClients | undefined> {
  if (clients === undefined) return undefined;
  const { serveClients } = await import('./serve-clients.js');
  return serveClients(parts, clients);
}
