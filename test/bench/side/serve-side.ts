/** What a side of a bench does once it is set up, in a process of its own. */
export interface ServedSide<Order, Answer> {
  carryOut(order: Order): Promise<Answer>;
  close(): Promise<void>;
}

export type SideRequest<Settings, Order> =
  | { readonly kind: 'open'; readonly settings: Settings }
  | { readonly kind: 'order'; readonly number: number; readonly order: Order }
  | { readonly kind: 'close' };

export type SideReply<Answer> =
  | { readonly kind: 'opened' }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly number?: number; readonly reason: string };

const endMillisMax = 15_000;

/** The child's half of `startSide`. A side whose parent is gone ends, whatever it is doing. */
export function serveSide<Settings, Order, Answer>(
  open: (settings: Settings) => Promise<ServedSide<Order, Answer>>,
): void {
  let side: Promise<ServedSide<Order, Answer>> | undefined;
  const reply = (message: SideReply<Answer>): void => {
    if (process.connected) process.send?.(message);
  };
  const end = (): void => {
    const closing = Promise.resolve(side).then((opened) => opened?.close());
    // A profile is written at a regular end only.
    void closing.finally(() => process.exit(0));
    // Its servers may have gone with the parent: nobody waits for what it still tries.
    setTimeout(() => process.exit(1), endMillisMax).unref();
  };
  process.once('disconnect', end);
  process.on('message', (message: SideRequest<Settings, Order>) => {
    if (message.kind === 'close') return end();
    if (message.kind === 'open') {
      side = open(message.settings);
      side.then(
        () => reply({ kind: 'opened' }),
        (error: unknown) => reply({ kind: 'failed', reason: reasonOf(error) }),
      );
      return;
    }
    const { number, order } = message;
    Promise.resolve(side)
      .then((opened) => opened?.carryOut(order))
      .then(
        (answer) => reply({ kind: 'answer', number, answer: answer as Answer }),
        (error: unknown) => reply({ kind: 'failed', number, reason: reasonOf(error) }),
      );
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
