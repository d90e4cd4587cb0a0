import type { ShardCommit } from '#flow/ports/event-log.js';
import { sqlArrayType, writeColumn, type ActorNumber, type Cell, type CommitPart } from './commit-part.js';
import { commitParts, fencePart, promisingFencePart } from './commit-parts.js';
import type { ParameterWriter } from './bound-query.js';
import type { Statement } from './statement.js';

/**
 * A whole batch as one prepared statement: one round trip, one transaction, one flush (PROTOCOL §1).
 *
 * Two forms are generated from one description: most batches have nothing to say about waiting events and conflicts,
 * and a part costs planning of its executor state and a parameter per column even when it is empty.
 */
interface CommitForm {
  readonly statement: Statement;
  readonly parts: readonly CommitPart[];
}

const lean = commitForm('atoll_commit_lean', [fencePart, ...commitParts.filter((part) => !part.rare)]);
const full = commitForm('atoll_commit_full', [promisingFencePart, ...commitParts]);

export function commitStatement(
  shards: readonly ShardCommit[],
  numberOf: ActorNumber,
): { readonly statement: Statement; readonly parameters: readonly ParameterWriter[] } {
  const { statement, parts } = shards.some(saysRareThings) ? full : lean;
  return { statement, parameters: parts.flatMap((part) => parametersOf(part, shards, numberOf)) };
}

function saysRareThings(commit: ShardCommit): boolean {
  return (
    commit.waiting.length > 0 ||
    commit.settled.length > 0 ||
    commit.conflicts.length > 0 ||
    commit.withdrawnConflicts.length > 0 ||
    commit.resolvedConflicts.length > 0 ||
    commit.promised !== undefined ||
    commit.refused.length > 0 ||
    commit.voided.length > 0
  );
}

function parametersOf(
  part: CommitPart,
  shards: readonly ShardCommit[],
  numberOf: ActorNumber,
): readonly ParameterWriter[] {
  const columns = part.columns.map((): Cell[] => []);
  const push = (...row: Cell[]): void => {
    for (let column = 0; column < columns.length; column += 1) columns[column]?.push(row[column] ?? null);
  };
  for (const commit of shards) part.gather(commit, numberOf, push);
  return part.columns.map(
    ([, type], column) =>
      (to) =>
        writeColumn(to, type, columns[column] ?? []),
  );
}

function commitForm(name: string, parts: readonly CommitPart[]): CommitForm {
  let parameter = 0;
  const expressions = parts.map((part) => {
    const arrays = part.columns.map(([, type]) => `$${(parameter += 1)}::${sqlArrayType(type)}`);
    const names = part.columns.map(([column]) => column);
    const rows = `unnest(${arrays.join(', ')}) as new (${names.join(', ')})`;
    return `${part.name} as (${part.sql(rows)})`;
  });
  const text = `
    with locked as (
      select shard from atoll.shard_owner where shard = any ($1::int2[]) order by shard for update
    ), ${expressions.join(', ')}
    select shard from fence`;
  return { statement: { name, text }, parts };
}
