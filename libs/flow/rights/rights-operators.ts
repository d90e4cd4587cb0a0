import { regionOf, type Actor } from '#core/causality/dot.js';
import { includes, type VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { Json } from '#core/json.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { decodeEntity } from '#core/merge/entity-value.js';
import { usable, type Rights } from '#core/merge/rights.js';
import { parseJson } from '#core/parse-json.js';
import { sleep, type Clock } from '../ports/clock.js';
import type { EntityRow, EventLog } from '../ports/event-log.js';
import { PeerUnavailable } from '../ports/peers.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Command, FieldOperation, HeldRights, RightsRun } from '../service.js';
import type { Answer, Question } from '../strong/messages.js';
import { holdersOf } from './closings-here.js';
import { rightsFields } from './rights-types.js';

export interface RightsOperatorsParts {
  readonly log: EventLog;
  readonly hashing: Hashing;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly types: EntityTypes;
  readonly members: readonly string[];
  readonly stable: (shard: number) => VersionVector;
  /** To the process that owns the shard. @throws AtollError */
  readonly askHere: (question: Question) => Promise<Answer>;
  /** Takes a command of the region's own. @throws AtollError */
  readonly submit: (command: Command, waitMillis: number) => Promise<unknown>;
}

interface Found {
  readonly row: EntityRow;
  readonly type: EntityType;
  readonly state: EntityState;
  readonly of: Actor;
  readonly held: HeldRights;
}

const pageRows = 500;
/** Counters that one request works on; whoever asked asks again while some are left. */
const entitiesMax = 200;
const atOnce = 8;
const ownCommandMillisMax = 2_000;
/** How long a request waits for what it began: with a lease, taking over takes longer. */
const waitMillisMax = 5_000;

/** What operators have done about rights: hand on what this region holds, and take over what a destroyed one held. */
export class RightsOperators {
  constructor(private readonly parts: RightsOperatorsParts) {}

  /** This region's own closing (PROTOCOL §8): it transfers all that it may use now. @throws AtollError */
  async drain(to: string, execute: boolean): Promise<RightsRun> {
    this.checkOther(to);
    const found = await this.survey(this.parts.log.identity.region);
    const own = found.filter(({ of }) => of === this.parts.log.identity.actor);
    return this.work('rights drained', own, execute, async ({ row, type, state }) => {
      const operations = this.transfers(type, state, row.shard, to);
      if (operations.length === 0) return false;
      await this.parts.submit({ entity: row.entity, kind: 'update', operations }, ownCommandMillisMax);
      return true;
    });
  }

  /** An operator states that a region's database is destroyed: its rights come here. @throws AtollError */
  async reclaim(from: string, execute: boolean): Promise<RightsRun> {
    this.checkOther(from);
    const found = await this.survey(from);
    return this.work(
      `rights of ${from} reclaimed on an operator's word`,
      found,
      execute,
      async ({ row, of }) => {
        const { entity, shard } = row;
        const answer = await this.parts.askHere({ kind: 'takeover', shard, ...entity, closing: '', of });
        return answer.kind === 'taken' && answer.taken;
      },
    );
  }

  private checkOther(region: string): void {
    const { members, log } = this.parts;
    if (region === log.identity.region || !members.includes(region))
      throw new AtollError('invalid_request', `'${region}' is no other member region`);
  }

  private async work(
    what: string,
    found: readonly Found[],
    execute: boolean,
    act: (one: Found) => Promise<boolean>,
  ): Promise<RightsRun> {
    const chosen = found.slice(0, entitiesMax);
    const done = new Set<Found>();
    if (execute) {
      this.parts.telemetry.log('warn', what, { counters: chosen.length });
      const queue = [...chosen];
      const worker = async (): Promise<void> => {
        for (let one = queue.shift(); one; one = queue.shift()) if (await this.tried(act, one)) done.add(one);
      };
      const all = Promise.all(Array.from({ length: atOnce }, worker));
      await Promise.race([all, sleep(this.parts.clock, waitMillisMax)]);
    }
    const counters = chosen.map((one) => ({ ...one.held, done: done.has(one) }));
    return { executed: execute, found: found.length, counters };
  }

  private async tried(act: (one: Found) => Promise<boolean>, one: Found): Promise<boolean> {
    try {
      return await act(one);
    } catch (error) {
      if (error instanceof AtollError || error instanceof PeerUnavailable) return false;
      throw error;
    }
  }

  private transfers(
    type: EntityType,
    state: EntityState,
    shard: number,
    to: string,
  ): readonly FieldOperation[] {
    const { log, stable } = this.parts;
    const { actor } = log.identity;
    const isStable = (dot: Parameters<typeof includes>[1]): boolean => includes(stable(shard), dot);
    const operations: FieldOperation[] = [];
    for (const [field, { policy }] of type.fields) {
      if (!isBoundedCounter(policy)) continue;
      const rights = (state.fields.get(field) ?? policy.initial()) as Rights;
      for (const side of ['spend', 'increment'] as const) {
        const by = usable(rights, policy.start, { actor, side, isStable });
        const isKept = side === 'increment' && policy.bounds.max === undefined;
        if (by > 0 && !isKept) operations.push({ field, op: 'transfer', to, by, of: side });
      }
    }
    return operations;
  }

  /** Counters of which actors of the region hold rights, as this region has folded them. */
  private async survey(region: string): Promise<readonly Found[]> {
    const { types, log } = this.parts;
    const found: Found[] = [];
    for (const name of rightsFields(types).keys()) {
      const type = types.get(name);
      for (let after: string | undefined; type;) {
        const rows = await log.listEntities(name, after, pageRows);
        for (const row of rows) found.push(...this.holding(type, row, region));
        after = rows.at(-1)?.entity.id;
        if (rows.length < pageRows) break;
      }
    }
    return found;
  }

  private holding(type: EntityType, row: EntityRow, region: string): readonly Found[] {
    const state = decodeEntity(type, parseJson(row.state) as Json);
    return [...holdersOf(type, state, region)].map(([of, amounts]) => ({
      ...{ row, type, state, of },
      held: { entity: row.entity, actor: of, region: regionOf(of), ...amounts },
    }));
  }
}
