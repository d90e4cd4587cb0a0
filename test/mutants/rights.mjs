import { core, flow } from './caught-by.mjs';

const laws = (test) => core('merge/bounded-counter.law.spec.ts', test);

/** Bugs in bounded counters: rights, their lives, the search for more, reservations. */
export const rightsMutants = [
  {
    name: 'rights that an alias may still undo are used at once',
    rule: '§5',
    file: 'libs/core/merge/bounded-counter.ts',
    find: 'return elsewhere ? withUnsettled(made, { dot, to, side, by }) : made;',
    replace: 'return elsewhere && by < 0 ? withUnsettled(made, { dot, to, side, by }) : made;',
    caughtBy: laws('INV-12: no region ever sees it out of bounds'),
  },
  {
    name: 'what a counter starts with is used before other claims can have arrived',
    rule: '§5',
    file: 'libs/core/merge/rights.ts',
    find: 'if (opener?.actor === actor && !rights.openedForGood && !isStable(opener)) {',
    replace: 'if (opener?.actor === actor && !rights.openedForGood && opener.seq < 1) {',
    caughtBy: laws('INV-12: no region ever sees it out of bounds'),
  },
  {
    name: 'a transfer gives and does not take',
    rule: 'INV-12',
    file: 'libs/core/merge/bounded-counter.ts',
    find: 'return make(use(rights, deed.side, deed.by), deed.to, deed.side, deed.by);',
    replace: 'return make(rights, deed.to, deed.side, deed.by);',
    caughtBy: laws('INV-4: any causal order'),
  },
  {
    name: 'a transfer is applied once for each time it was asked for',
    rule: '§8',
    file: 'libs/flow/accept/router.ts',
    find: "...{ entity, kind: 'update', mutationId },",
    replace: "...{ entity, kind: 'update', ...(mutationId === '' && { mutationId }) },",
    caughtBy: flow('rights/rights.spec.ts', 'move once, however often the request is sent again'),
  },
  {
    name: 'a region spends what another one holds that is only cut off',
    rule: '§8',
    file: 'libs/core/merge/bounded-decide.ts',
    find: 'return usable(rights, start, { actor: stamp.dot.actor, side, isStable: place.isStable });',
    replace:
      'return [stamp.dot.actor, ...rights.accounts.keys()].reduce((sum, actor) => sum + usable(rights, start, { actor, side, isStable: place.isStable }), 0);',
    caughtBy: flow('rights/rights.spec.ts', 'stay with a region that is only cut off'),
  },
  {
    name: 'a life begins before every region has seen the delete of the one before',
    rule: '§11',
    file: 'libs/core/merge/entity-decide.ts',
    find: 'return fields.has(field) || deletes.every(isStable);',
    replace: 'return fields.has(field) || deletes.every((dot) => isStable(dot) || dot.seq > 0);',
    caughtBy: flow('rights/rights.spec.ts', 'end with a delete, and begin again'),
  },
  {
    name: 'what had not seen a delete counts in the next life',
    rule: '§11',
    file: 'libs/core/merge/entity-fold.ts',
    find: 'if (policy.endsWithDelete === true && !state.deletes.every(stamp.covers)) continue;',
    replace: 'if (policy.endsWithDelete === true && state.deletes.length > 1_000) continue;',
    caughtBy: laws('INV-4: any causal order'),
  },
  {
    name: 'a counter is written to while one of its events is parked',
    rule: '§3',
    file: 'libs/flow/accept/held-up.ts',
    find: "const holdsRights = row.state === 'parked' && world.holdsRights(command.entity.type);",
    replace: "const holdsRights = row.state !== 'parked' && world.holdsRights(command.entity.type);",
    caughtBy: flow('rights/rights.spec.ts', 'are not used while an event of the entity is parked'),
  },
  {
    name: 'a reservation that has expired is confirmed',
    rule: '§8',
    file: 'libs/core/merge/bounded-decide.ts',
    find: "if (op === 'confirm' && hasExpired) return gone(",
    replace: "if (op === 'confirm' && hasExpired && elsewhere) return gone(",
    caughtBy: flow('rights/rights.spec.ts', 'are not confirmed once they have expired'),
  },
];
