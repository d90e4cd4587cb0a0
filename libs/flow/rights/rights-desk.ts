import { regionOf, type Dot } from '#core/causality/dot.js';
import { includes, type VersionVector } from '#core/causality/version-vector.js';
import { assert } from '#core/assert.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Rights } from '#core/merge/rights.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { Intake } from '../accept/intake.js';
import { storedVector } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type RegionIdentity } from '../ports/event-log.js';
import { PeerUnavailable, type Peers, type RightsRequest } from '../ports/peers.js';
import type { Random } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Command, FieldOperation } from '../service.js';
import { holdersOf, leaseOf } from './closings-here.js';
import type { Reclaims } from './reclaims.js';
import type { RightsKnowledge } from './rights-knowledge.js';
import { rightsFields } from './rights-types.js';
import {
  neededBy,
  rightsHere,
  sideOf,
  wantedKey,
  type RightsHere,
  type WantedRights,
} from './wanted-rights.js';

export interface RightsDeskParts {
  readonly identity: RegionIdentity;
  readonly members: readonly string[];
  readonly types: EntityTypes;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly random: Random;
  readonly peers: Peers;
  readonly cache: EntityCache;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  /** Committed state of an entity that is not in memory. @throws LogUnavailable */
  readonly read: (entity: EntityRef) => Promise<EntityState>;
  readonly stable: (shard: number) => VersionVector;
  /** Another region has minted up to this event: it should be fetched if it does not arrive by itself. */
  readonly expect: (shard: number, dot: Dot) => void;
  readonly knowledge: RightsKnowledge;
  readonly reclaims: Pick<Reclaims, 'isLapsed' | 'takeOver'>;
  /** Takes a command of the region's own. @throws AtollError */
  readonly submit: (command: Command, waitMillis: number) => Promise<unknown>;
}

type Purpose = 'for those who wait' | 'ahead';

/** One counter that somebody here is short of: what is needed now, and the round that asks for it. */
interface Search {
  readonly wanted: WantedRights;
  readonly needs: Set<{ readonly amount: number }>;
  round: Promise<void> | undefined;
  /** By region: a request whose answer never came. It is sent again as it was, so that it moves nothing twice. */
  readonly unanswered: Map<string, RightsRequest>;
  /** By region, what the last round came to, for people. */
  readonly answers: Map<string, string>;
  quietUntilMillis: number;
}

/** How often stability and rights are looked at while somebody waits for them, and how soon all are asked again. */
const lookMillis = 50;
const askAgainMillis = 250;
const settleMillis = 10;
/** After a round ahead of need, the next one waits so long. */
const aheadPauseMillis = 1_000;
/** A granted transfer arrives by itself or is fetched within this time; else the next region is asked. */
const arrivalMillisMax = 1_500;
const ownCommandMillisMax = 2_000;
/** A region with less than this part of its fair share asks for more before it needs it. */
const lowWaterPart = 4;
/** Counters that are searched for at once, with a place for each request that waits (INV-15). */
const searchesMax = 10_000;

/**
 * Finds rights to bounded counters in other regions: asks the richest first, by what is folded here, for all who wait
 * together; and before anybody waits when little is left.
 */
export class RightsDesk {
  private readonly searches = new Map<string, Search>();
  private readonly rounds = new Set<Promise<void>>();
  private readonly fields: ReadonlyMap<string, readonly string[]>;
  private stopping = false;

  constructor(private readonly parts: RightsDeskParts) {
    this.fields = rightsFields(parts.types);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.rounds);
  }

  concerns({ entity }: Command): boolean {
    return this.fields.has(entity.type);
  }

  /** What the refused command is short of; `undefined` when it is nothing that could be asked for. */
  shortOf(shard: number, { entity, operations }: Command, error: AtollError): WantedRights | undefined {
    const [, index] = /^\/operations\/(\d+)\//.exec(error.fields[0]?.path ?? '') ?? [];
    const operation = operations[Number(index)];
    const side = operation === undefined ? undefined : sideOf(operation);
    if (operation === undefined || side === undefined) return undefined;
    return { entity, shard, field: operation.field, side };
  }

  /**
   * Waits until the region holds what the operations need, or so long that they should be decided again.
   *
   * @returns `isHopeless`: as far as is known here there is nothing anywhere that could come. `told`: what others answered.
   */
  async find(
    wanted: WantedRights,
    operations: readonly FieldOperation[],
    deadlineMillis: number,
  ): Promise<{ readonly isHopeless: boolean; readonly told: string }> {
    const { clock, watch } = this.parts;
    const need = { amount: neededBy(operations, wanted) };
    const search = this.searchFor(wanted);
    if (search === undefined) throw new AtollError('overloaded', 'too many counters are short of rights');
    search.needs.add(need);
    try {
      const again = Math.min(deadlineMillis, clock.monotonicMillis() + askAgainMillis);
      for (let asked = false; ;) {
        const here = await this.look(wanted);
        const left = deadlineMillis - clock.monotonicMillis();
        if (here.usable >= need.amount) {
          // They came meanwhile; or the decision lacks something that is not seen here, and then not at once again.
          if (!asked) await watch.next(Math.min(settleMillis, left));
          return { isHopeless: false, told: '' };
        }
        if (here.others.length === 0 && !here.isComing && !here.canOpen)
          return { isHopeless: true, told: toldBy(search) };
        const isOver = left <= 0 || (search.round === undefined && clock.monotonicMillis() >= again);
        if (isOver || this.stopping) return { isHopeless: false, told: toldBy(search) };
        if (!asked) this.begin(search, 'for those who wait');
        asked = true;
        await watch.next(Math.min(left, lookMillis));
      }
    } finally {
      search.needs.delete(need);
      this.forget(search);
    }
  }

  /** After a change: asks for more if little is left here, before anybody needs it. */
  lookAhead(shard: number, { entity, operations }: Command): void {
    const state = this.parts.cache.get(entityKey(entity))?.state;
    if (this.stopping || state === undefined) return;
    for (const field of this.fields.get(entity.type) ?? []) {
      if (!operations.some((operation) => operation.field === field && sideOf(operation) === 'spend'))
        continue;
      const wanted: WantedRights = { entity, shard, field, side: 'spend' };
      const here = this.lookIn(state, wanted);
      const share = this.fairShare(here);
      if (here.others.length === 0 || here.usable >= Math.floor(share / lowWaterPart)) continue;
      const search = this.searchFor(wanted);
      if (search && search.quietUntilMillis <= this.parts.clock.monotonicMillis())
        this.begin(search, 'ahead');
    }
  }

  private fairShare({ total }: RightsHere): number {
    return Math.floor(total / this.parts.members.length);
  }

  /**
   * Another region's request is refused while commands here are short of the same: of two regions that are, the one whose
   * name is lower gets it, so that rights do not go back and forth.
   *
   * @throws AtollError insufficient_rights
   */
  checkGrant(shard: number, { entity, operations }: Command): void {
    if (!this.fields.has(entity.type)) return;
    for (const { field, op, to, of } of operations) {
      if (op !== 'grant' || regionOf(String(to)) < this.parts.identity.region) continue;
      const side = of === 'increment' ? 'increment' : 'spend';
      const search = this.searches.get(wantedKey({ entity, shard, field, side }));
      if (search !== undefined && search.needs.size > 0)
        throw new AtollError('insufficient_rights', 'they are needed in this region');
    }
  }

  private searchFor(wanted: WantedRights): Search | undefined {
    const key = wantedKey(wanted);
    const known = this.searches.get(key);
    if (known || this.searches.size >= searchesMax) return known;
    const search: Search = {
      wanted,
      needs: new Set(),
      round: undefined,
      unanswered: new Map(),
      answers: new Map(),
      quietUntilMillis: -Infinity,
    };
    this.searches.set(key, search);
    return search;
  }

  private forget(search: Search): void {
    const isIdle = search.needs.size === 0 && search.round === undefined && search.unanswered.size === 0;
    if (isIdle) this.searches.delete(wantedKey(search.wanted));
  }

  private async look(wanted: WantedRights): Promise<RightsHere> {
    const { cache, read } = this.parts;
    const state = cache.get(entityKey(wanted.entity))?.state ?? (await read(wanted.entity));
    return this.lookIn(state, wanted);
  }

  private lookIn(state: EntityState, { entity, shard, field, side }: WantedRights): RightsHere {
    const policy = this.parts.types.get(entity.type)?.fields.get(field)?.policy;
    assert(policy !== undefined && isBoundedCounter(policy), 'rights are those of a bounded counter');
    const rights = (state.fields.get(field) ?? policy.initial()) as Rights;
    const { actor } = this.parts.identity;
    const stable = this.parts.stable(shard);
    const isStable = (dot: Dot): boolean => includes(stable, dot) || this.parts.knowledge.isFirm(shard, dot);
    return rightsHere(policy, rights, { side, actor, isStable });
  }

  private begin(search: Search, purpose: Purpose): void {
    if (search.round !== undefined || this.stopping) return;
    const round = this.ask(search, purpose)
      .catch((error: unknown) => {
        if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
      })
      .finally(() => {
        search.round = undefined;
        search.quietUntilMillis = this.parts.clock.monotonicMillis() + aheadPauseMillis;
        this.rounds.delete(round);
        this.forget(search);
        this.parts.watch.moved();
      });
    search.round = round;
    this.rounds.add(round);
  }

  /** Asks one region after another, the richest first, until all who wait can have what they need. */
  private async ask(search: Search, purpose: Purpose): Promise<void> {
    const { wanted } = search;
    const asked = new Set<string>();
    for (;;) {
      const here = await this.look(wanted);
      if (this.stopping) return;
      if (here.canOpen) return this.open(search);
      const needed = [...search.needs].reduce((sum, { amount }) => sum + amount, 0);
      const goal = needed === 0 && purpose === 'ahead' ? this.fairShare(here) : needed;
      const short = goal - here.usable;
      const next = here.others.find(({ region }) => !asked.has(region));
      if (next === undefined || short <= 0) return;
      asked.add(next.region);
      if (await this.takeOver(wanted, next.region)) continue;
      const need = needed === 0 ? 1 : short;
      await this.askOne(search, next.region, {
        need,
        want: Math.max(need, short, this.fairShare(here) - here.usable),
      });
    }
  }

  /** From a region whose silence has outlasted its rights lease. It takes longer than anybody here waits. */
  private async takeOver({ entity, shard }: WantedRights, region: string): Promise<boolean> {
    const { reclaims, types, cache, read } = this.parts;
    const type = types.get(entity.type);
    if (!type || !reclaims.isLapsed(type.name, region)) return false;
    const state = cache.get(entityKey(entity))?.state ?? (await read(entity));
    for (const of of holdersOf(type, state, region).keys())
      void reclaims.takeOver({ entity, shard, of, stated: false });
    return true;
  }

  private async askOne(
    search: Search,
    region: string,
    amounts: { readonly need: number; readonly want: number },
  ): Promise<void> {
    const { identity, random, clock, peers, telemetry } = this.parts;
    const { entity, field, side, shard } = search.wanted;
    const request = search.unanswered.get(region) ?? {
      ...{ entity, field, side, to: identity.actor, ...amounts },
      mutationId: random.mutationId(region, clock.wallMillis()),
    };
    search.unanswered.set(region, request);
    try {
      const answer = await peers.askRights(region, request);
      search.unanswered.delete(region);
      search.answers.set(region, answer.kind === 'granted' ? 'gave some' : 'gave none');
      telemetry.count('rights_asked_total', { from: region, answer: answer.kind });
      if (answer.kind === 'refused') return;
      this.parts.expect(shard, answer.dot);
      if (leaseOf(this.parts.types.get(entity.type)) !== undefined)
        this.parts.knowledge.noteFirm(shard, answer.dot);
      await this.arrival(shard, answer.dot);
    } catch (error) {
      if (error instanceof AtollError) search.unanswered.delete(region);
      else if (!(error instanceof PeerUnavailable)) throw error;
      search.answers.set(region, error instanceof AtollError ? 'refused to answer' : 'did not answer');
      telemetry.count('rights_asked_total', { from: region, answer: 'none' });
    }
  }

  private async arrival(shard: number, dot: Dot): Promise<void> {
    const { clock, intake, watch } = this.parts;
    const until = clock.monotonicMillis() + arrivalMillisMax;
    for (;;) {
      const state = intake.stateOf(shard);
      const left = until - clock.monotonicMillis();
      if (state === undefined || includes(storedVector(state), dot) || left <= 0 || this.stopping) return;
      await watch.next(Math.min(left, lookMillis));
    }
  }

  /** Claims what the counter starts with. It can be used once every region has seen the claim. */
  private async open({ wanted: { entity, field } }: Search): Promise<void> {
    const command: Command = { entity, kind: 'update', operations: [{ field, op: 'open' }] };
    try {
      await this.parts.submit(command, ownCommandMillisMax);
    } catch (error) {
      const isOperational =
        error instanceof AtollError || error instanceof LogUnavailable || error instanceof CommitUnknown;
      if (!isOperational) throw error;
    }
  }
}

function toldBy({ answers }: Search): string {
  if (answers.size === 0) return '';
  return ` Asked: ${[...answers].map(([region, answer]) => `${region} ${answer}`).join(', ')}.`;
}
