import { core, flow, simulation } from './caught-by.mjs';
import { groupMutants } from './groups.mjs';
import { rightsMutants } from './rights.mjs';
import { spineMutants } from './spine.mjs';
import { membersMutants } from './members.mjs';
import { strongMutants } from './strong.mjs';
import { surfaceMutants } from './surface.mjs';

/**
 * Planted bugs: each a small, named change that breaks one rule, and the test that must fail by an assertion.
 *
 * `npm run mutants` applies each to a copy of the sources, one at a time, and counts how many are caught. The rule is
 * the section of the protocol, or the invariant, that the bug breaks. `find` must occur exactly once in the file.
 */
export const mutants = [
  ...spineMutants,
  ...rightsMutants,
  ...strongMutants,
  ...membersMutants,
  ...groupMutants,
  ...surfaceMutants,
  {
    name: 'a quorum counts its reader twice',
    rule: 'INV-10',
    file: 'libs/flow/read/fresh-reads.ts',
    find: 'const needed = majorityOf(members.length) - 1;',
    replace: 'const needed = majorityOf(members.length) - 2;',
    caughtBy: flow('read/levels.spec.ts', 'returns what a majority stores'),
  },
  {
    name: 'a quorum read does not wait for what it must pull',
    rule: 'INV-10',
    file: 'libs/flow/read/fresh-reads.ts',
    find: "await cursors.cover(new Map([[shard, wanted]]), 'stored', deadlineMillis);\n    return wanted;",
    replace: 'return wanted;',
    caughtBy: simulation,
  },
  {
    name: 'a quorum read does not wait until what it pulled is folded',
    rule: 'INV-10',
    file: 'libs/flow/read/level-reads.ts',
    find: 'this.parts.covered(one, wanted.get(one.shard) ?? nothingSeen)',
    replace: 'this.parts.covered(one, wanted.size < 0 ? one.session.get(0)! : nothingSeen)',
    caughtBy: simulation,
  },
  {
    name: 'a command waits for an owner that stands still as long as that stands',
    rule: 'INV-10',
    file: 'libs/flow/accept/router.ts',
    find: 'return decodeOutcome(await within(clock, forwarded, late), hashing);',
    replace:
      'return decodeOutcome(late.deadlineMillis > 0 ? await forwarded : await within(clock, forwarded, late), hashing);',
    caughtBy: flow('read/stood-still.spec.ts', 'answers a command in time'),
  },
  {
    name: 'a command is called refused that an owner which did not answer may still store',
    rule: 'INV-9',
    file: 'libs/flow/accept/router.ts',
    find: 'isInDoubt ||= error.cause instanceof PeerUnavailable;',
    replace: 'isInDoubt &&= error.cause instanceof PeerUnavailable;',
    caughtBy: flow('read/stood-still.spec.ts', 'calls a command refused only where'),
  },
  {
    name: 'a former owner answers a quorum read from its memory',
    rule: '§1',
    file: 'libs/flow/read/fresh-reads.ts',
    find: "const stored = vectorOf(shards.get(shard) ?? [], 'stored');",
    replace: "const stored = shards.size < 0 ? vectorOf([], 'stored') : cursors.vector(shard, 'stored');",
    caughtBy: flow('read/fresh-reads.spec.ts', 'does not answer from memory'),
  },
  {
    name: 'a quorum read is silently answered at a lower level',
    rule: 'INV-10',
    file: 'libs/flow/read/level-reads.ts',
    find: "level.kind === 'quorum' ? this.quorum(asked)",
    replace: "level.kind === 'quorum' ? this.inTurn(asked, (one) => this.parts.covered(one, nothingSeen))",
    caughtBy: flow('read/levels.spec.ts', 'is refused in time where too few regions answer'),
  },
  {
    name: 'an ack is told before its batch is flushed',
    rule: 'INV-2',
    file: 'libs/flow/accept/executor.ts',
    find: 'const commits = decided.flatMap(({ commit })',
    replace:
      'for (const { commit, work: { owned } } of decided)\n        this.parts.listener.committed(owned.state, [], commit?.events.filter(({ event }) => event.dot.actor !== this.parts.log.identity.actor) ?? []);\n      const commits = decided.flatMap(({ commit })',
    caughtBy: simulation,
  },
  {
    name: 'the origin counts among the regions that confirmed',
    rule: 'INV-9',
    file: 'libs/core/consistency/acks.ts',
    find: 'region !== besides && members.includes(region)',
    replace: 'members.includes(region)',
    caughtBy: core('consistency/acks.spec.ts', 'count each member once'),
  },
  {
    name: 'a write is answered as soon as its own region stores it, whatever acks it asked for',
    rule: 'INV-9',
    file: 'libs/flow/accept/router.ts',
    find: 'if (needed === 0) return new Written(known, issue);',
    replace: 'if (needed < 3) return new Written(known, issue);',
    caughtBy: simulation,
  },
  {
    name: 'a causal write forgets its token',
    rule: '§7',
    file: 'libs/flow/accept/router.ts',
    find: 'dependencies: causal ? dependenciesOf(',
    replace: 'dependencies: causal && session.size < 0 ? dependenciesOf(',
    caughtBy: flow('accept/causal.spec.ts', 'are seen by nobody before what their writer had seen'),
  },
  {
    name: 'dependencies are dropped when a command is forwarded to the owner of its shard',
    rule: '§7',
    file: 'libs/flow/accept/command-codec.ts',
    find: 'if (command.dependencies) body.dependencies',
    replace: 'if (command.dependencies && command.hasObserved) body.dependencies',
    caughtBy: simulation,
  },
  {
    name: 'a dependency leaves its entity when the event that carried it is stable',
    rule: '§7',
    file: 'libs/flow/accept/entity-step.ts',
    find: 'joinDependencies(kept, event.dependencies',
    replace:
      'joinDependencies([...event.context].every(([actor, seq]) => (this.world.stable.get(actor) ?? 0) >= seq) ? undefined : kept, event.dependencies',
    caughtBy: flow('accept/causal.spec.ts', 'although whoever brought it is everywhere'),
  },
  {
    name: 'a causal read keeps to itself what the entity depends on',
    rule: '§7',
    file: 'libs/flow/read/level-reads.ts',
    find: 'joinSessions(seen, state.dependencies)',
    replace: 'joinSessions(seen, seen)',
    caughtBy: flow('accept/causal.spec.ts', 'take over what the writer had seen'),
  },
  {
    name: 'an event is folded before its dependencies',
    rule: '§3',
    file: 'libs/core/event/readiness.ts',
    find: 'return missing === undefined ? ready :',
    replace: 'return missing === undefined || missing.shard >= 0 ? ready :',
    caughtBy: simulation,
  },
  {
    name: 'a dependency counts as covered while something below it is pending',
    rule: '§3',
    file: 'libs/flow/accept/shard-state.ts',
    find: 'waiting.lowestPending(actor) - 1',
    replace: 'waiting.lowestPending(actor) + Infinity',
    caughtBy: simulation,
  },
  {
    name: 'a causal write is decided before what its token depends on is folded there',
    rule: '§7',
    file: 'libs/flow/accept/router.ts',
    find: "causal ? 'causal' : 'stored'",
    replace: "causal ? 'stored' : 'stored'",
    caughtBy: flow('accept/causal.spec.ts', 'wait where they are decided, too'),
  },
  {
    name: 'what waits for a dependency is not looked at when it comes',
    rule: '§7',
    file: 'libs/flow/accept/dependency-watch.ts',
    find: '    this.release(state.shard);\n    this.follow();',
    replace: '    this.follow();',
    caughtBy: flow('accept/causal.spec.ts', 'are seen by nobody before what their writer had seen'),
  },
  {
    name: 'what is pending beside a parked event goes on holding up others',
    rule: '§3',
    file: 'libs/flow/accept/shard-batch.ts',
    find: "if (row.state !== 'pending' || isStrong || row.dot.actor === this.world.ownActor) continue;",
    replace: "if (row.state !== 'pending' || isStrong || row.dot.actor !== '') continue;",
    caughtBy: flow('accept/causal.spec.ts', 'are not held up by what waits for ever'),
  },
  {
    name: 'a session reads from the memory of a process that has lost the shard',
    rule: '§7',
    file: 'libs/flow/read/reader.ts',
    find: "if (asked.level.kind === 'eventual' || this.isSurelyOwn(asked.shard)) return read;",
    replace: "if (asked.level.kind !== 'quorum' || this.isSurelyOwn(asked.shard)) return read;",
    caughtBy: flow('read/stood-still.spec.ts', 'reads for a session not from what'),
  },
  {
    name: 'of several session tokens only the last one counts',
    rule: '§7',
    file: 'libs/flow/read/sessions.ts',
    find: 'joined = joinSessions(joined, session);',
    replace: 'joined = session;',
    caughtBy: flow('read/sessions.spec.ts', 'merge: several'),
  },
  {
    name: 'the changes feed tells an effect before its cause',
    rule: '§7',
    file: 'libs/flow/read/change-feed.ts',
    find: '!this.isNext(event)) break;',
    replace: '!this.isNext(event)) this.stopped ||= false;',
    caughtBy: flow('accept/causal.spec.ts', 'tells an effect after its cause'),
  },
  {
    name: 'a strong change takes whatever read it is given',
    rule: 'INV-10',
    file: 'libs/client/guarded-client.ts',
    find: 'if (!isValidated(input) && !strongReads.has(basis))',
    replace: 'if (!isValidated(input) && basis === undefined)',
    caughtBy: {
      project: 'unit',
      file: 'libs/client/guarded-client.spec.ts',
      test: 'takes no eventual read',
    },
  },
  {
    name: 'a read that is to be validated is not sent to the home',
    rule: 'INV-10',
    file: 'libs/client/guarded-client.ts',
    find: '...(ifMatch !== undefined && { ifMatch })',
    replace: '...(ifMatch === undefined && { ifMatch })',
    caughtBy: {
      project: 'unit',
      file: 'libs/client/guarded-client.spec.ts',
      test: 'when the home validates it',
    },
  },
];
