import { nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { entityKey, shardOf } from '#core/event/shard-of.js';
import type { Json, JsonObject } from '#core/json.js';
import type { EntityState } from '#core/merge/entity-state.js';
import { decodeEntity, entityValue } from '#core/merge/entity-value.js';
import { latestOf, membershipOf, type Membership, type Memberships } from '#core/strong/membership.js';
import { membershipEntity, membershipType, readMemberships } from '#core/strong/membership-record.js';
import { parseJson } from '#core/parse-json.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { CursorWatch } from '../accept/wake.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import { SharedRun } from '../shared-run.js';

export interface KnownMembershipsParts {
  readonly log: EventLog;
  readonly hashing: Hashing;
  readonly telemetry: Telemetry;
  readonly cache: EntityCache;
  readonly watch: CursorWatch;
  /** The configured one: it counts until the first change is decided. */
  readonly first: Memberships;
}

/** What was read of the memberships, and of which version. */
export interface ReadMemberships {
  readonly known: Memberships;
  readonly seen: VersionVector;
}

/**
 * The memberships that this region knows to be decided: the state of a strong entity holds nothing else. A process that
 * does not own the system shard reads the database now and then, and at once when it hears of a later number.
 */
export class KnownMemberships {
  private read: ReadMemberships;
  private underWay: Promise<void> | undefined;
  private readonly run = new SharedRun(() => this.look());

  constructor(private readonly parts: KnownMembershipsParts) {
    this.read = { known: parts.first, seen: nothingSeen };
  }

  get all(): Memberships {
    return this.read.known;
  }

  get latest(): Membership {
    return latestOf(this.all);
  }

  /** @returns none for a number that is not known to be decided */
  membersOf(number: number): readonly string[] {
    return membershipOf(this.all, number)?.members ?? [];
  }

  /** The shard whose strong log the records are in. */
  get systemShard(): number {
    return shardOf(membershipEntity, this.parts.log.identity.shards);
  }

  /** As the region has it now. @throws LogUnavailable, CommitUnknown */
  async refresh(): Promise<ReadMemberships> {
    await this.run.next();
    return this.read;
  }

  /** The same, where nobody waits for it. What cannot be read now is read later. */
  refreshSoon(): void {
    const underWay = this.refresh().then(
      () => undefined,
      (error: unknown) => {
        if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
      },
    );
    this.underWay = underWay;
  }

  /** Waits for the reading under way. */
  async stop(): Promise<void> {
    await this.underWay;
  }

  /** The entity's state as it is committed here now. */
  async image(): Promise<{ readonly value: JsonObject | undefined; readonly seen: VersionVector }> {
    const cached = this.parts.cache.get(entityKey(membershipEntity));
    const state = cached?.state ?? (await this.decoded());
    return { value: state && entityValue(membershipType, state), seen: state?.seen ?? nothingSeen };
  }

  private async look(): Promise<void> {
    const { value, seen } = await this.image();
    const known = readMemberships(value);
    const found = known && { known, seen };
    if (!found || latestOf(found.known).number <= this.latest.number) return;
    this.read = found;
    const { number, members, witnesses, stopped } = this.latest;
    this.parts.telemetry.log('info', 'the members of strong shards are others now', {
      number,
      members: members.join(),
      witnesses: witnesses.join(),
      stopped: stopped.join(),
    });
    this.parts.watch.moved();
  }

  private async decoded(): Promise<EntityState | undefined> {
    const { entities } = await this.parts.log.prepare({ entities: [membershipEntity], mutations: [] });
    const text = entities[0]?.state;
    return text === undefined ? undefined : decodeEntity(membershipType, parseJson(text) as Json);
  }
}
