import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { LogUnavailable } from '#flow/ports/event-log.js';
import type { RegionPorts } from '#flow/region-ports.js';
import { GrpcPeers } from '#io/grpc/grpc-peers.js';
import { KafkaTransport } from '#io/kafka/kafka-transport.js';
import { openPostgresEventLog, type PostgresEventLog } from '#io/postgres/postgres-event-log.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import { nodeHashing } from '#io/wire/hashing.js';
import { createRecordAuth } from '#io/wire/record-auth.js';
import { systemClock } from '#io/wire/system-clock.js';
import { systemRandom } from '#io/wire/system-random.js';
import type { Settings } from '../config/settings.js';

/** Everything outside of one process, connected. */
export interface Adapters {
  readonly processId: string;
  readonly ports: RegionPorts;
  readonly peers: GrpcPeers;
  /** Peer token per member, own region included. */
  readonly peerTokens: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/** How long a start waits for a database that does not answer: it may be starting too. */
const databaseMillisMax = 60_000;
const databaseRetryMillis = 250;

/** Connects what the stations need. @throws DatabaseRefused, PartitionMismatch, LogUnavailable */
export async function openAdapters(
  settings: Settings,
  types: EntityTypes,
  telemetry: PrometheusTelemetry,
): Promise<Adapters> {
  const { region, shards, kafka, kafkaDriver, kafkaSecurity, kafkaReplicationFactor } = settings;
  const processId = `${region}-${process.pid}-${randomBytes(4).toString('hex')}`;
  const peerTokens = peerTokensOf(settings);
  const log = await openLog(settings, { processId, types, telemetry });
  const transport = new KafkaTransport({
    driver: kafkaDriver,
    region,
    brokers: Object.fromEntries(kafka),
    security: Object.fromEntries(kafkaSecurity),
    ...(kafkaReplicationFactor === undefined ? {} : { replicationFactor: kafkaReplicationFactor }),
    shards,
    clientId: processId,
    log: ({ level, message, ...details }) => telemetry.log(level, message, details),
  });
  const peers = new GrpcPeers({ region, token: peerTokens.get(region), endpoints: settings.peers });
  const close = async (): Promise<void> => {
    peers.close();
    await transport.close();
    await log.close();
  };
  try {
    await makeViews(log, types, telemetry);
    await transport.open();
  } catch (error) {
    await close();
    throw error;
  }
  const auth = createRecordAuth({ region, keys: settings.peerKeys });
  const others = { hashing: nodeHashing, random: systemRandom, clock: systemClock, telemetry };
  return {
    processId,
    ports: { log, transport, peers, siblings: peers, auth, ...others },
    peers,
    peerTokens,
    close,
  };
}

/** Given as tokens of role `peer`, else derived from the members' keys, which every member holds. */
function peerTokensOf({ tokens, peerKeys }: Settings): ReadonlyMap<string, string> {
  const derived = [...peerKeys].map(([region, key]): [string, string] => [
    region,
    createHmac('sha256', key).update('atoll peer token 1').digest('base64url'),
  ]);
  const given = tokens.flatMap(({ role, region, token }): [string, string][] =>
    role === 'peer' && region !== undefined ? [[region, token]] : [],
  );
  return new Map([...derived, ...given]);
}

interface LogParts {
  readonly processId: string;
  readonly types: EntityTypes;
  readonly telemetry: PrometheusTelemetry;
}

async function openLog(
  settings: Settings,
  { processId, types, telemetry }: LogParts,
): Promise<PostgresEventLog> {
  const { postgresUrl: url, region, shards } = settings;
  const giveUpAt = Date.now() + databaseMillisMax;
  for (;;) {
    try {
      return await openPostgresEventLog({
        url,
        region,
        shards,
        types,
        applicationName: `atoll ${processId}`,
      });
    } catch (error) {
      if (!(error instanceof LogUnavailable) || Date.now() > giveUpAt) throw error;
      telemetry.log('warn', 'the database does not answer yet', { error });
      await pause(databaseRetryMillis);
    }
  }
}

async function makeViews(
  log: PostgresEventLog,
  types: EntityTypes,
  telemetry: PrometheusTelemetry,
): Promise<void> {
  const viewed = [...types.values()].map(({ name, fields }) => ({ name, fields: [...fields.keys()] }));
  const { kept } = await log.createTypeViews(viewed);
  for (const { view, reason } of kept) telemetry.log('warn', 'a SQL view stays as it was', { view, reason });
}
