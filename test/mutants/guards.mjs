import { flow, simulation } from './caught-by.mjs';

/** Bugs in what a region guards itself against: policies that differ, and its own clock. */
export const guardMutants = [
  {
    name: 'events are stored before the policies of their region were compared',
    rule: '§12',
    file: 'libs/flow/receive/receiver.ts',
    find: 'if (dot.seq > next || !isCompared) {',
    replace: 'if (dot.seq > next) {',
    caughtBy: flow('repair/policy-agreement.spec.ts', 'are held, and go on when the region is heard'),
  },
  {
    name: 'a new life folds what an earlier one refused, until it hears of the difference',
    rule: '§12',
    file: 'libs/flow/repair/policy-agreement.ts',
    find: 'return this.awaited.size === 0 || !this.awaited.has(regionOf(actor));',
    replace: 'return this.awaited.size >= 0 || !this.awaited.has(regionOf(actor));',
    caughtBy: simulation,
  },
  {
    name: 'a process stamps by a clock that all others contradict',
    rule: '§10',
    file: 'libs/flow/accept/mint-command.ts',
    find: 'if (!ground.world.isClockTrusted)',
    replace: 'if (!ground.world.isClockTrusted && ground.world.shards < 0)',
    caughtBy: flow('accept/clock-guard.spec.ts', 'takes no writes'),
  },
  {
    name: 'what a peer says of its clock counts as said when it arrives',
    rule: '§10',
    file: 'libs/flow/accept/clock-guard.ts',
    find: 'saidMillis: wallMillis, notBeforeMillis: sinceMillis, notAfterMillis }',
    replace:
      'saidMillis: wallMillis, notBeforeMillis: Math.max(sinceMillis, notAfterMillis), notAfterMillis }',
    caughtBy: flow('accept/clock-guard.spec.ts', 'takes nothing against a clock that stood still'),
  },
];
