import { join } from 'node:path';
import { projectRoot } from '#cli/dev/programs.js';
import type { HistoryPlan } from './level-plans.js';

/** The compiled module of entity types that a plan needs. */
export function typesModule({ types }: { readonly types: HistoryPlan['types'] | 'latency' }): string {
  return join(projectRoot(), 'dist', 'test', 'histories', 'types', `${types}.js`);
}
