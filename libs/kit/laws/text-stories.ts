import fc from 'fast-check';
import { applyUpdate, Doc, encodeStateAsUpdate } from 'yjs';
import { encodeBase64 } from '#core/base64.js';
import type { Event } from '#core/event/event.js';
import type { DeleteRule } from '#core/merge/entity-type.js';
import type { Operation } from '#core/merge/policy.js';
import { text } from '#core/merge/policies.js';
import { shownDocument, type TextState } from '#core/merge/text-state.js';
import { textRoot } from '#core/merge/text-update.js';
import { scenario, type RegionName, type Scenario } from './scenario.js';

/** One thing that happens to a text. Numbers choose among what there is, modulo its count. */
export type TextStep =
  | { readonly kind: 'splice'; readonly at: RegionName; readonly edit: Edit }
  /** A client edits its own document and sends the update. */
  | { readonly kind: 'type'; readonly client: number; readonly at: RegionName; readonly edit: Edit }
  /** A client sends all that it has. */
  | { readonly kind: 'resend'; readonly client: number; readonly at: RegionName }
  /** A client starts again from what a region shows. */
  | { readonly kind: 'open'; readonly client: number; readonly at: RegionName }
  | { readonly kind: 'delete'; readonly at: RegionName }
  | { readonly kind: 'retry'; readonly at: RegionName; readonly command: number }
  | { readonly kind: 'send'; readonly from: RegionName; readonly to: RegionName };

interface Edit {
  readonly index: number;
  readonly remove: number;
  readonly insert: string;
}

export interface TextWeights {
  readonly delete: number;
  readonly retry: number;
}

export function textSteps(weights: TextWeights, lengthMax = 20): fc.Arbitrary<readonly TextStep[]> {
  const at = fc.constantFrom<RegionName>('eu', 'us', 'ap');
  const client = fc.nat(1);
  const edit = fc.record({
    index: fc.nat(12),
    remove: fc.constantFrom(0, 0, 0, 1, 3),
    insert: fc.constantFrom('', 'a', 'bc', '😀', 'def'),
  });
  const step: fc.Arbitrary<TextStep> = fc.oneof(
    { arbitrary: fc.record({ kind: fc.constant('splice' as const), at, edit }), weight: 5 },
    { arbitrary: fc.record({ kind: fc.constant('type' as const), client, at, edit }), weight: 6 },
    { arbitrary: fc.record({ kind: fc.constant('resend' as const), client, at }), weight: 2 },
    { arbitrary: fc.record({ kind: fc.constant('open' as const), client, at }), weight: 3 },
    { arbitrary: fc.record({ kind: fc.constant('delete' as const), at }), weight: weights.delete },
    {
      arbitrary: fc.record({ kind: fc.constant('retry' as const), at, command: fc.nat(20) }),
      weight: weights.retry,
    },
    { arbitrary: fc.record({ kind: fc.constant('send' as const), from: at, to: at }), weight: 6 },
  );
  return fc.array(step, { minLength: 1, maxLength: lengthMax, size: 'max' });
}

export interface TextStory {
  readonly scenario: Scenario;
  /** All events, in one causal order. */
  readonly events: readonly Event[];
}

interface Command {
  readonly id: string;
  readonly operation: Operation | undefined;
  readonly regions: Set<RegionName>;
}

/** Plays the steps. Clients never share an id, unless `careless`: then all clients have the same. */
export function playTexts(onDelete: DeleteRule, steps: readonly TextStep[], careless = false): TextStory {
  const story = scenario(text(), onDelete);
  const commands: Command[] = [];
  let ids = 0;
  const open = (bytes?: Uint8Array): Doc => {
    const doc = new Doc();
    if (bytes) applyUpdate(doc, bytes);
    doc.clientID = careless ? 1 : (ids += 1);
    return doc;
  };
  const clients = [open(), open()];
  const send = (at: RegionName, operation: Operation | undefined, known?: Command): void => {
    const command = known ?? { id: `born.${commands.length}`, operation, regions: new Set() };
    if (known === undefined) commands.push(command);
    const isThere = story.logAt(at).some(({ mutation }) => mutation.id === command.id);
    if (isThere) return;
    command.regions.add(at);
    if (operation === undefined) story.delete(at, { as: command.id });
    else story.write(at, operation, { as: command.id });
  };
  for (const step of steps) {
    if (step.kind === 'send') story.send(step.from, step.to);
    else if (step.kind === 'delete') send(step.at, undefined);
    else if (step.kind === 'splice') send(step.at, spliceOf(story, step.at, step.edit));
    else if (step.kind === 'retry') {
      const command = commands[step.command % Math.max(1, commands.length)];
      if (command) send(step.at, command.operation, command);
    } else if (step.kind === 'open') {
      const shown = shownDocument((story.stateAt(step.at) ?? []) as TextState);
      clients[step.client] = open(shown && shown.content.bytes);
    } else {
      const doc = clients[step.client] as Doc;
      const bytes = step.kind === 'type' ? typed(doc, step.edit) : encodeStateAsUpdate(doc);
      send(step.at, { op: 'update', update: encodeBase64(bytes) });
    }
  }
  story.heal();
  return { scenario: story, events: story.logAt('eu') };
}

function spliceOf(story: Scenario, at: RegionName, { index, remove, insert }: Edit): Operation {
  const shown = story.valueAt(at);
  const length = typeof shown === 'string' ? shown.length : 0;
  const from = Math.min(index, length);
  return { op: 'splice', index: from, delete: Math.min(remove, length - from), insert };
}

/** The update that an edit of the client's own document makes. */
function typed(doc: Doc, { index, remove, insert }: Edit): Uint8Array {
  const root = doc.getText(textRoot);
  let made = Uint8Array.of(0, 0);
  const keep = (bytes: Uint8Array): void => {
    made = new Uint8Array(bytes);
  };
  doc.on('update', keep);
  doc.transact(() => {
    const from = Math.min(index, root.length);
    root.delete(from, Math.min(remove, root.length - from));
    root.insert(from, insert);
  });
  doc.off('update', keep);
  return made;
}
