import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RequestRefused } from '#client/errors.js';
import { newMutationId } from '#client/mutation-id.js';
import type { FieldOperation } from '#client/wire.js';
import { projectRoot } from '#cli/dev/programs.js';
import type { FaultLab } from '../integration/faults/fault-lab.js';
import type { HistoryPlan } from './level-plans.js';

/** The compiled module of entity types that a plan needs. */
export function typesModule({ types }: { readonly types: HistoryPlan['types'] | 'latency' }): string {
  return join(projectRoot(), 'dist', 'test', 'histories', 'types', `${types}.js`);
}

/** Why these types cannot be declared in this version; `undefined` when they can. */
export async function whyNotDeclared(plan: Pick<HistoryPlan, 'types'>): Promise<string | undefined> {
  try {
    await import(pathToFileURL(typesModule(plan)).href);
    return undefined;
  } catch (error) {
    if ((error as Error).name === 'DeclarationError') return (error as Error).message;
    throw error;
  }
}

const notServed: ReadonlySet<string> = new Set(['level_not_available', 'acks_not_available']);

/** Why a region does not serve what the plan asks for; `undefined` when it does. */
export async function whyNotServed(lab: FaultLab, plan: HistoryPlan): Promise<string | undefined> {
  const [region = ''] = lab.regions;
  const [kind = 'note'] = plan.kinds;
  const client = lab.client(region);
  const { consistency, acks } = plan.asked(0);
  const entity = { type: kind, id: 'is-it-served' };
  try {
    await client.read(entity, consistency === undefined ? {} : { consistency });
    const field = kind === 'stock' ? 'units' : 'text';
    const operation: FieldOperation =
      kind === 'stock' ? { field, op: 'increment', by: 1 } : { field, op: 'set', value: 'x' };
    const mutationId = newMutationId(region);
    const options = { mutationId, ...(acks === undefined ? {} : { acks }) };
    await client.change(entity, { operations: [operation] }, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    if (notServed.has(error.code)) return error.message;
    // Too stale, or too few that answer: it is served, and could not be kept just now.
    if (error.retryable) return undefined;
    throw error;
  }
}
