import * as Y from 'yjs';
import { readDocumentFile } from '#cli/load/document-file.js';
import { documentClientIds, replayBare } from '#cli/load/document-plan.js';
import { documentFileDefault } from '#cli/tour/tour-input.js';
import type { Traffic } from '../cost-card.js';
import { openRegion, type RegionSettings } from '../region/open-region.js';
import { countRegion, trafficBetween } from '../region/region-tally.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';

export interface TextSettings {
  /** Absent: the side has no region, only yjs. */
  readonly region?: RegionSettings;
  /** Of the trace's transactions. */
  readonly transactions: number;
}

export type TextOrder =
  /** Through the region, as one document of its own, so many transactions under way at a time. */
  | { readonly kind: 'region'; readonly id: string; readonly inFlight: number }
  /** The same updates into one document. */
  | { readonly kind: 'apply' }
  /** Two writers edit a document each, and take each other's updates when the trace says so. */
  | { readonly kind: 'edit' };

export interface TextAnswer {
  readonly events: number;
  readonly seconds: number;
  readonly characters: number;
  readonly costs: SideCosts;
  readonly traffic?: Traffic;
}

const maxWaitMillis = 60_000;

/** Replays a trace of two people who wrote one document: through a region, or with nothing but yjs. */
serveSide<TextSettings, TextOrder, TextAnswer>(async ({ region, transactions }) => {
  const trace = await readDocumentFile(documentFileDefault);
  const { updates: made, text: wanted } = replayBare(trace, transactions);
  const updates = made.filter((update) => update !== undefined);
  const operations = updates.map((update) => [
    { field: 'body', op: 'update', update: Buffer.from(update).toString('base64') },
  ]);
  const counted = countRegion();
  const opened = region === undefined ? undefined : await openRegion(region, counted.watch);

  const timed = async (work: () => Promise<string> | string): Promise<TextAnswer> => {
    const spent = countCosts();
    const began = performance.now();
    const text = await work();
    const seconds = (performance.now() - began) / 1000;
    if (text !== wanted) throw new Error('the replay ended in another text than the trace does');
    return { events: updates.length, seconds, characters: text.length, costs: spent() };
  };

  /** In the trace's order, in which whatever a transaction had seen comes before it; one entity's commands keep theirs. */
  const throughRegion = async (id: string, inFlight: number): Promise<string> => {
    if (opened === undefined) throw new Error('this side has no region');
    const entity = { type: 'note', id };
    let next = 0;
    const submit = async (): Promise<void> => {
      while (next < operations.length) {
        const of = operations[next++] ?? [];
        await opened.process.submit({ entity, kind: 'update', operations: of }, { maxWaitMillis });
      }
    };
    await Promise.all(Array.from({ length: inFlight }, submit));
    const { value } = await opened.process.read(entity, { maxWaitMillis });
    return String(value?.['body']);
  };

  const intoOneDocument = (): string => {
    const document = new Y.Doc();
    for (const update of updates) Y.applyUpdate(document, update);
    return document.getText('text').toJSON();
  };

  return {
    async carryOut(order) {
      if (order.kind === 'apply') return timed(intoOneDocument);
      if (order.kind === 'edit') return timed(() => replayBare(trace, transactions, documentClientIds).text);
      const before = counted.now();
      const answer = await timed(() => throughRegion(order.id, order.inFlight));
      return { ...answer, traffic: trafficBetween(before, counted.now()) };
    },
    close: async () => opened?.close(),
  };
});
