import { assert } from '#core/assert.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Acks } from '#core/consistency/acks.js';
import type { Level } from '#core/consistency/level.js';
import { AtollError } from '#core/errors.js';
import { AcksIncomplete, type Command, type WriteOutcome } from '#flow/service.js';
import type { SeededRandom } from './seeded-random.js';
import { drawOperations, lateType } from './sim-types.js';
import type { SimWorld } from './sim-world.js';

/** One command as its client knows it. */
export interface JournalEntry {
  readonly mutationId: string;
  readonly entity: Command['entity'];
  readonly command: Command;
  readonly acks: Acks;
  /** What the session had seen when the command was made; nothing without one. */
  readonly past: ReadonlySet<string>;
  outcome: 'ok' | 'fail' | 'unknown';
  /** A try got no answer that settles it: whatever another region says of the command, it may be stored. */
  isInDoubt: boolean;
  /** Every acknowledgement: the region that gave it, and the event it named. */
  readonly acknowledged: { readonly region: string; readonly outcome: WriteOutcome }[];
}

/** A client's patience, in milliseconds: beyond it a command's fate is unknown to it. */
const patienceMillis = 3_000;
const triesMax = 4;

/** An eventual read waits for no session. */
function sessionOf(level: Level, session: string | undefined): { readonly session?: string } {
  return level.kind === 'eventual' || session === undefined ? {} : { session };
}

function drawLevel(random: SeededRandom, session: string | undefined): Level {
  if (random.chance(0.3)) return { kind: 'quorum' };
  if (random.chance(0.3)) {
    const maxMillis = random.pick([60, 200, 400, 1_000]);
    return { kind: 'bounded', maxMillis, otherwise: random.pick(['fetch', 'redirect', 'refuse'] as const) };
  }
  return session === undefined || random.chance(0.3) ? { kind: 'eventual' } : { kind: 'session' };
}

/** Sequential clients that write, read, retry in their own or another region, and keep a journal of what they were told. */
export class SimClients {
  readonly journal: JournalEntry[] = [];
  /** How often a region took no write because of its clock. */
  clockRefusals = 0;
  private readonly sessions = new Map<number, string>();
  private readonly etags = new Map<string, VersionVector>();

  constructor(
    private readonly world: SimWorld,
    private readonly random: SeededRandom,
    private readonly entities: readonly { readonly type: string; readonly id: string }[],
  ) {}

  /** Runs `commands` commands, one after another, by each of `clients` clients. */
  async run(clients: number, commands: number): Promise<void> {
    const each = Array.from({ length: clients }, (_, client) =>
      this.runClient(client, Math.ceil(commands / clients)),
    );
    await Promise.all(each);
  }

  private async runClient(client: number, commands: number): Promise<void> {
    const random = this.random.branch(`client ${client}`);
    let home = random.pick(this.world.regions);
    for (let step = 0; step < commands; step += 1) {
      if (random.chance(isCausal(client) ? 0.2 : 0.05)) home = random.pick(this.world.regions);
      await this.world.pause(random.between(5, 90));
      await this.write(client, random, home, `${client}.${step}`);
      if (random.chance(isCausal(client) ? 0.7 : 0.25)) await this.read(client, random, home);
    }
  }

  private async write(client: number, random: SeededRandom, home: string, unique: string): Promise<void> {
    const entity = random.pick(this.entities);
    const region = entity.type === lateType ? this.world.upgradedRegion : home;
    const session = isCausal(client) || random.chance(0.3) ? this.sessions.get(client) : undefined;
    const past = session === undefined ? new Set<string>() : this.world.oracle.pastOf(client);
    const observed = this.etags.get(`${client} ${entity.type}/${entity.id}`);
    const deletes = random.chance(0.06);
    const command: Command = {
      entity,
      kind: deletes ? 'delete' : 'update',
      operations: deletes ? [] : drawOperations(entity.type, random, unique),
      mutationId: this.world.mutationId(region),
      ...(session !== undefined && { session }),
      ...(isCausal(client) && { consistency: 'causal' }),
      ...(entity.type === 'slot' && !deletes && observed !== undefined && { observed }),
    };
    const entry: JournalEntry = {
      mutationId: command.mutationId ?? '',
      entity,
      command,
      acks: random.chance(0.35) ? random.pick(['1', 'majority', 'all'] as const) : 'local',
      past,
      outcome: 'unknown',
      isInDoubt: false,
      acknowledged: [],
    };
    if (isCausal(client)) this.world.oracle.sends(entry.mutationId, past);
    this.journal.push(entry);
    await this.tryOut(client, random, region, entry);
    // A client that lost the answer, or a proxy that was too eager: the same command once more, perhaps elsewhere.
    if (random.chance(0.12)) {
      const elsewhere = entity.type === lateType ? region : random.pick(this.world.regions);
      await this.attempt(client, elsewhere, entry);
    }
  }

  private async tryOut(
    client: number,
    random: SeededRandom,
    home: string,
    entry: JournalEntry,
  ): Promise<void> {
    let region = home;
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const retry = await this.attempt(client, region, entry);
      if (!retry) return;
      await this.world.pause(random.between(20, 200));
      if (entry.entity.type !== lateType && random.chance(0.4)) region = random.pick(this.world.regions);
    }
  }

  /** One try; answers whether another one makes sense. */
  private async attempt(client: number, region: string, entry: JournalEntry): Promise<boolean> {
    const service = this.world.anyProcess(region)?.service;
    if (!service) return true;
    try {
      const outcome = await this.world.within(
        service.submit(entry.command, { maxWaitMillis: 2_000, acks: entry.acks }),
        patienceMillis,
      );
      if (!outcome) {
        entry.isInDoubt = true;
        return true;
      }
      this.world.acknowledged(region, outcome);
      this.world.promises.wrote(region, entry.entity, { outcome, acks: entry.acks });
      entry.outcome = 'ok';
      entry.acknowledged.push({ region, outcome });
      const { seen } = outcome;
      this.world.followed(entry.past, entry.entity, seen, 'wrote');
      this.sessions.set(client, outcome.session);
      const answer = { entity: entry.entity, seen, causal: isCausal(client) };
      this.world.oracle.answered(client, entry.past, answer);
      this.etags.set(`${client} ${entry.entity.type}/${entry.entity.id}`, outcome.seen);
      return false;
    } catch (error) {
      assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
      this.world.note(`refused ${entry.mutationId} ${error.code}`);
      if (error instanceof AcksIncomplete) this.incomplete(region, entry, error.outcome);
      if (error.code === 'clock_out_of_bounds') this.clockRefusals += 1;
      if (error.retryable) entry.isInDoubt = true;
      else if (entry.outcome !== 'ok' && !entry.isInDoubt)
        entry.outcome = entry.acknowledged.length > 0 ? 'ok' : 'fail';
      return error.retryable;
    }
  }

  /** It is stored: the client may count on that, and on what it was told about other regions. */
  private incomplete(region: string, entry: JournalEntry, outcome: WriteOutcome): void {
    this.world.acknowledged(region, outcome);
    this.world.promises.wrote(region, entry.entity, { outcome, acks: 'local' });
    this.world.promises.tally.incompleteWrites += 1;
    entry.outcome = 'ok';
    entry.acknowledged.push({ region, outcome });
  }

  private async read(client: number, random: SeededRandom, region: string): Promise<void> {
    const entity = random.pick(this.entities);
    const service = this.world.anyProcess(region)?.service;
    if (!service || (entity.type === lateType && region !== this.world.upgradedRegion)) return;
    const session = this.sessions.get(client);
    const level: Level = isCausal(client) ? { kind: 'causal' } : drawLevel(random, session);
    const atMillis = this.world.clock.monotonicMillis();
    try {
      const read = await this.world.within(
        service.read(entity, { level, maxWaitMillis: 1_000, ...sessionOf(level, session) }),
        patienceMillis,
      );
      if (!read) return;
      this.world.promises.read(region, read, { level, atMillis });
      const follows = level.kind !== 'eventual' && session !== undefined;
      const past = follows ? this.world.oracle.pastOf(client) : new Set<string>();
      this.world.followed(past, entity, read.seen, 'read');
      this.sessions.set(client, read.session);
      this.world.oracle.answered(client, past, { entity, seen: read.seen, causal: isCausal(client) });
      this.etags.set(`${client} ${entity.type}/${entity.id}`, read.seen);
    } catch (error) {
      assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
      if (level.kind === 'bounded' || level.kind === 'quorum') this.world.promises.tally.refusedReads += 1;
    }
  }
}

/** Half of the clients write and read at level causal; they change their region often. */
function isCausal(client: number): boolean {
  return client % 2 === 0;
}
