import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '#flow/ports/event-log.js';
import { commitContract } from './event-log/commit.contract.js';
import { feedsContract } from './event-log/feeds.contract.js';
import type { EventLogRegion, MakeRegion } from './event-log/fixtures.js';
import { ownershipContract } from './event-log/ownership.contract.js';
import { readsContract } from './event-log/reads.contract.js';

const shards = 3;

/** What every event log promises, on a new region for each test, with two processes. */
export function eventLogContract(name: string, makeRegion: MakeRegion): void {
  describe(`event log: ${name}`, () => {
    let region: EventLogRegion;
    let log: EventLog;
    let other: EventLog;
    const opened = (): { readonly log: EventLog; readonly other: EventLog } => ({ log, other });

    beforeEach(async () => {
      region = await makeRegion(shards);
      log = await region.open();
      other = await region.open();
    });
    afterEach(() => region.dispose());

    test('is one region with one actor for all its processes', () => {
      expect(log.identity).toEqual(other.identity);
      expect(log.identity.shards).toBe(shards);
      expect(log.identity.actor).toMatch(new RegExp(`^${log.identity.region}~[0-9A-Za-z_-]+$`));
    });

    describe('ownership', () => ownershipContract(opened));
    describe('commits', () => commitContract(opened));
    describe('reads', () => readsContract(opened));
    describe('feeds', () => feedsContract(opened));
  });
}
