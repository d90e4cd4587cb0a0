import { expect, it } from 'vitest';
import { nothingSeen } from '#core/causality/version-vector.js';
import type { Event } from '#core/event/event.js';
import { noEpoch } from '#core/strong/epoch.js';
import { storeOpening, noStrongRecord } from '#core/strong/promises.js';
import type { ShardState } from '../accept/shard-state.js';
import { BatchStrong, type BatchHands } from './batch-strong.js';
import { StrongShard } from './strong-shard.js';

const epoch = { membership: 1, counter: 1 };
const event: Event = {
  dot: { actor: 'us~1', seq: 2 },
  prev: '',
  shard: 0,
  entity: { type: 'payment', id: 'p1' },
  kind: 'update',
  changes: [],
  schemaVersion: 1,
  context: nothingSeen,
  time: { wallMillis: 1, counter: 0, actor: 'us~1' },
  mutation: { id: 'us.m', digest: '' },
  epoch: '1.1',
};

it('settles a decided event once, however many tasks of a batch ask for it', () => {
  const strong = new StrongShard();
  strong.record = storeOpening(noStrongRecord, { epoch, home: 'us~1', seq: 1, previous: noEpoch, close: 0 });
  strong.tell({ epoch, seq: 2 });
  strong.await({ dot: event.dot, entity: event.entity, epoch: '1.1', event, bytes: 1 }, 1);
  const folded: Event[] = [];
  const hands = {
    ownActor: 'eu~1',
    waiting: { leave: () => undefined },
    mutations: { rows: () => [], record: () => undefined },
    settle: (events: readonly Event[]) => folded.push(...events),
  } as unknown as BatchHands;
  const batch = new BatchStrong({ shard: 0, strong } as ShardState, hands);
  batch.settleAll();
  batch.settleAll();
  expect(folded).toEqual([event]);
});
