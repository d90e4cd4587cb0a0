import { eventLogContract } from '../contracts/event-log.contract.js';
import { MemoryDatabase } from './memory-database.js';
import { MemoryEventLog } from './memory-event-log.js';

eventLogContract('in memory', async (shards) => {
  const database = new MemoryDatabase({
    region: 'eu',
    actor: 'eu~1',
    shards,
    nowMillis: () => performance.timeOrigin + performance.now(),
  });
  return { open: async () => new MemoryEventLog(database), dispose: async () => {} };
});
