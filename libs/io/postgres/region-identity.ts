import { randomBytes } from 'node:crypto';
import type { ClientBase } from 'pg';
import { assert } from '#core/assert.js';
import type { Actor } from '#core/causality/dot.js';
import type { RegionIdentity } from '#flow/ports/event-log.js';
import { DatabaseRefused } from './failures.js';

/** Which database this is, as Postgres tells: both change when it was restored, copied by dump, or failed over. */
export interface BootIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

export interface RegionWanted {
  readonly region: string;
  readonly shards: number;
  /** An operator's word that the log is whole although the database is not the one it was. */
  readonly acceptChangedDatabase: boolean;
}

const shardsMax = 4_096;

/**
 * Reads who this database is, or says so for ever when it is new. To be called in the transaction that migrates.
 *
 * @throws DatabaseRefused when it belongs to another region, has another number of shards, or was restored (INV-8: its
 * log may lack events whose dots others hold).
 */
export async function openRegion(client: ClientBase, wanted: RegionWanted): Promise<RegionIdentity> {
  const boot = await readBootIdentity(client);
  const { rows } = await client.query<{
    region: string;
    actor: string;
    shards: number;
    system_identifier: string;
    timeline: number;
  }>('select region, actor, shards, system_identifier::text, timeline from atoll.region_identity');
  const found = rows[0];
  if (found === undefined) return createRegion(client, wanted, boot);

  const { region, actor, shards } = found;
  if (region !== wanted.region) {
    throw new DatabaseRefused(
      `this database belongs to region '${region}', the configuration says '${wanted.region}'`,
    );
  }
  if (shards !== wanted.shards) {
    throw new DatabaseRefused(
      `region '${region}' was created with ${shards} shards, the configuration says ${wanted.shards}: the number is fixed for ever`,
    );
  }
  const recorded = { systemIdentifier: found.system_identifier, timeline: found.timeline };
  if (!sameBoot(recorded, boot)) await acceptOrRefuse(client, wanted, recorded, boot);
  return { region, actor, shards };
}

async function createRegion(
  client: ClientBase,
  wanted: RegionWanted,
  boot: BootIdentity,
): Promise<RegionIdentity> {
  assert(
    Number.isInteger(wanted.shards) && wanted.shards >= 1 && wanted.shards <= shardsMax,
    `a region has between 1 and ${shardsMax} shards`,
  );
  const actor = `${wanted.region}~${newIncarnation()}`;
  await client.query(
    'insert into atoll.region_identity (region, actor, shards, system_identifier, timeline) values ($1, $2, $3, $4, $5)',
    [wanted.region, actor, wanted.shards, boot.systemIdentifier, boot.timeline],
  );
  await client.query('insert into atoll.shard_owner (shard) select generate_series(0, $1::int - 1)', [
    wanted.shards,
  ]);
  await client.query('insert into atoll.actor (name) values ($1)', [actor]);
  return { region: wanted.region, actor, shards: wanted.shards };
}

async function acceptOrRefuse(
  client: ClientBase,
  wanted: RegionWanted,
  recorded: BootIdentity,
  boot: BootIdentity,
): Promise<void> {
  if (!wanted.acceptChangedDatabase) {
    throw new DatabaseRefused(
      `INV-8: the database of region '${wanted.region}' was restored, copied or failed over ` +
        `(it was ${describeBoot(recorded)}, it is ${describeBoot(boot)}), so its log may not be whole`,
    );
  }
  await client.query('update atoll.region_identity set system_identifier = $1, timeline = $2', [
    boot.systemIdentifier,
    boot.timeline,
  ]);
}

export async function readBootIdentity(client: ClientBase): Promise<BootIdentity> {
  const { rows } = await client.query<{ system_identifier: string; wal_file: string }>(
    'select system_identifier::text, pg_walfile_name(pg_current_wal_insert_lsn()) as wal_file from pg_control_system()',
  );
  const row = rows[0];
  assert(row !== undefined, 'Postgres has one control file');
  // The name of the log file being written begins with the timeline; the control file would tell it a checkpoint late.
  return { systemIdentifier: row.system_identifier, timeline: Number.parseInt(row.wal_file.slice(0, 8), 16) };
}

/** Refuses a connection to another database than the one this process began with (PROTOCOL §2). */
export async function requireSameDatabase(
  client: ClientBase,
  expected: { readonly actor: Actor; readonly boot: BootIdentity },
): Promise<void> {
  const boot = await readBootIdentity(client);
  const { rows } = await client.query<{ actor: string }>('select actor from atoll.region_identity');
  const actor = rows[0]?.actor ?? 'nobody';
  if (sameBoot(expected.boot, boot) && actor === expected.actor) return;
  throw new DatabaseRefused(
    `INV-8: the database behind the connection changed from ${expected.actor}, ${describeBoot(expected.boot)}, ` +
      `to ${actor}, ${describeBoot(boot)}`,
  );
}

function sameBoot(a: BootIdentity, b: BootIdentity): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.timeline === b.timeline;
}

function describeBoot(boot: BootIdentity): string {
  return `system ${boot.systemIdentifier} timeline ${boot.timeline}`;
}

/**
 * Days in base 36 and 64 random bits, of `[0-9A-Za-z_-]` only: unique without asking anyone (PROTOCOL §9). An event and an
 * entity spell it once for each region that wrote the entity, so the time is no finer than it has to be.
 */
function newIncarnation(): string {
  return Math.floor(Date.now() / dayMillis).toString(36) + randomBytes(8).toString('base64url');
}

const dayMillis = 24 * 3_600_000;
