import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { documentFileDefault } from '#cli/tour/tour-input.js';
import { awaitConvergence } from '#cli/tour/convergence.js';
import { openJournal } from '#cli/judge/journal.js';
import { readDocumentFile } from '#cli/load/document-file.js';
import { longestChain, replayBare, runsOf } from '#cli/load/document-plan.js';
import { replayDocument } from '#cli/load/document-replay.js';
import { createWorkload } from '#cli/load/workload.js';
import type {} from './global-setup.js';
import { openFaultLab, type FaultLab } from './faults/fault-lab.js';

const minute = 60_000;

describe('a document that two writers edit in two regions', () => {
  let lab: FaultLab;

  beforeAll(async () => {
    lab = await openFaultLab(inject('devStack'), { regions: ['us', 'eu', 'ap'], latency: 'none' });
  }, 2 * minute);
  afterAll(() => lab?.close());

  it(
    'reads in every region what a bare replay of all 26 078 transactions reads',
    async () => {
      const trace = await readDocumentFile(documentFileDefault);
      const count = trace.transactions.length;
      const bare = replayBare(trace, count);
      const runs = runsOf(trace, count, 500);
      expect(longestChain(runs)).toBe(882);
      const journal = await openJournal('document', undefined);
      const entity = { type: 'note', id: 'document' };
      const workload = createWorkload(journal, lab.clients);
      await replayDocument({ workload, entity, regions: ['us', 'eu'], runs, bare });
      await awaitConvergence(lab.clients, minute);
      expect(journal.operations.filter(({ outcome }) => outcome === 'ok')).toHaveLength(count);
      expect(bare.text).toBe(trace.endContent);
      for (const client of lab.clients) {
        const { value } = await client.read(entity);
        expect(value?.['body'] === bare.text).toBe(true);
      }
    },
    4 * minute,
  );
});
