import { core, flow } from './caught-by.mjs';

/** Planted bugs in atomic changes of several entities: PROTOCOL §8, last rule. */
export const groupMutants = [
  {
    name: 'groups: a receiver stores the first events of a group without the last',
    rule: '§8',
    file: 'libs/flow/receive/open-groups.ts',
    find: "if (events.length < group.size) return { kind: 'open' };",
    replace: "if (events.length < group.size - 1) return { kind: 'open' };",
    caughtBy: flow('receive/open-groups.spec.ts', 'are whole with the last of them'),
  },
  {
    name: 'groups: only the condition of the first entity is looked at',
    rule: '§8',
    file: 'libs/flow/accept/mint-command.ts',
    find: 'if (stale) return stale;',
    replace: 'if (stale && !group?.index) return stale;',
    caughtBy: flow('strong/groups.spec.ts', 'takes effect on none of them when one condition does not hold'),
  },
  {
    name: 'groups: entities of one key are read one after another, without a second look',
    rule: 'INV-11',
    file: 'libs/flow/read/read-together.ts',
    find: 'if (isStill) return again;',
    replace: 'if (isStill || outcomes.length > 0) return again;',
    caughtBy: flow('read/read-together.spec.ts', 'are read until none of them has changed'),
  },
  {
    name: 'groups: the type has a say in where a partition key lies',
    rule: '§8',
    file: 'libs/core/event/shard-of.ts',
    find: "shardOf({ type: '', id: partitionKey(rule, entity.id) }, shards)",
    replace: 'shardOf({ type: entity.type, id: partitionKey(rule, entity.id) }, shards)',
    caughtBy: core('event/shard-of.spec.ts', 'alone decides the shard'),
  },
];
