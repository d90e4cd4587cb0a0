import { core, flow, simulation } from './caught-by.mjs';

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
  {
    name: 'a text takes characters between two that were never neighbours',
    rule: 'INV-4',
    file: 'libs/core/merge/text.ts',
    find: "meeting === 'misplaced' && document?.forked === true ?",
    replace: "meeting === 'misplaced' ?",
    caughtBy: core('merge/text-placement.spec.ts', 'leaves out a character of a run'),
  },
  {
    name: 'a text looks only at what its left neighbour knows between two neighbours',
    rule: 'INV-4',
    file: 'libs/core/merge/text-placement.ts',
    find: 'if (holds(item, rightOfLeft) || holds(item, leftOfRight)) return false;',
    replace: 'if (holds(item, rightOfLeft)) return false;',
    caughtBy: core('merge/text-placement.spec.ts', 'skips what its right neighbour was typed after'),
  },
  {
    name: 'a text folds what has no place as it arrives',
    rule: 'INV-4',
    file: 'libs/core/merge/text-state.ts',
    find: '|| misplaces(content, update, foldedBytes(update, role));',
    replace: '|| (role === undefined && misplaces(content, update, foldedBytes(update, role)));',
    caughtBy: core('merge/text-placement.spec.ts', 'reads the same in every region all the same'),
  },
  {
    name: 'a forked text reads differently after a restart',
    rule: 'INV-4',
    file: 'libs/core/merge/text-state.ts',
    find: 'document.forked ? asStored(document) : document',
    replace: 'document.contributions.size < 0 ? asStored(document) : document',
    caughtBy: core('merge/text-placement.law.spec.ts', 'what a region lets in that it should have refused'),
  },
  {
    name: 'an operation whose outcome only the log can tell is dropped from its command',
    rule: '§4',
    file: 'libs/core/merge/entity-decide.ts',
    find: 'if (after === split) return oneByOne(`/operations/${reader}`);',
    replace: 'if (after === split) continue;',
    caughtBy: core('merge/text-placement.spec.ts', 'is refused and told to come one by one'),
  },
];
