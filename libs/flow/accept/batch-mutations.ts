import { sameDot } from '#core/causality/dot.js';
import type { Event } from '#core/event/event.js';
import { birthOf } from '#core/event/mutation-id.js';
import { entityKey } from '#core/event/shard-of.js';
import type { MutationRow } from '../ports/event-log.js';
import { Missing, type BatchWorld } from './batch-world.js';

const noRows: readonly MutationRow[] = [];

/** The mutation records a batch knows: those read before it, and those it writes itself. */
export class BatchMutations {
  readonly added: MutationRow[] = [];
  private readonly here = new Map<string, MutationRow[]>();

  constructor(
    private readonly shard: number,
    private readonly world: Pick<BatchWorld, 'mutations' | 'loads'>,
  ) {}

  /** @throws Missing */
  rows(id: string): readonly MutationRow[] {
    const before = this.world.mutations(id) ?? this.world.loads.mutations(id);
    if (!before) throw new Missing({ kind: 'mutations', id });
    const here = this.here.get(id);
    return here ? [...before, ...here] : before;
  }

  /** Other events of the same command: same mutation id, entity and index in its group (PROTOCOL §5). */
  copiesOf(event: Event): readonly MutationRow[] {
    // Strong shards have no aliases: the home's log is the only one (PROTOCOL §5).
    if (event.epoch !== undefined) return [];
    const rows = this.rows(event.mutation.id);
    const [first] = rows;
    // Nearly always its own record is all there is.
    if (!first || (rows.length === 1 && sameDot(first.dot, event.dot))) return noRows;
    const key = entityKey(event.entity);
    const index = event.group?.index ?? 0;
    return rows.filter(
      (row) =>
        row.shard === this.shard &&
        row.groupIndex === index &&
        !sameDot(row.dot, event.dot) &&
        entityKey(row.entity) === key,
    );
  }

  record(event: Event): void {
    const row: MutationRow = {
      id: event.mutation.id,
      digest: event.mutation.digest,
      entity: event.entity,
      shard: this.shard,
      dot: event.dot,
      groupIndex: event.group?.index ?? 0,
      bornMillis: birthOf(event.mutation.id)?.bornMillis ?? event.time.wallMillis,
    };
    this.added.push(row);
    const rows = this.here.get(row.id);
    if (rows) rows.push(row);
    else this.here.set(row.id, [row]);
  }
}
