import { setTimeout as pause } from 'node:timers/promises';
import { problemOfStatus, type GrpcAsker } from '../rim/grpc-client.js';
import { ask } from '../rim/http-client.js';

/** What became of the writes of a flood: increments of one counter each. */
export interface Flooded {
  /** Acknowledged, per entity. */
  readonly done: ReadonlyMap<string, number>;
  /** Refused, by code; each error has one, or the flood rejects. */
  readonly refused: ReadonlyMap<string, number>;
  /** The slowest answer. */
  readonly millisMax: number;
  /** The most that metrics showed meanwhile, by name. */
  readonly highest: ReadonlyMap<string, number>;
}

export interface Flood {
  readonly base: string;
  readonly grpc: GrpcAsker;
  readonly type: string;
  readonly field: string;
  readonly ids: readonly string[];
  /** Calls of so many changes each, all at once. */
  readonly batches: number;
  readonly batchChanges: number;
  /** Requests of one change each over HTTP, at the same time, and as many over gRPC. */
  readonly singles: number;
  /** Gauges to look at, and how often. */
  readonly gauges: readonly string[];
  readonly lookMillis: number;
}

/** Sends everything at once, over both ways in, and waits for every answer. */
export async function flood(plan: Flood): Promise<Flooded> {
  const done = new Map<string, number>();
  const refused = new Map<string, number>();
  const highest = new Map<string, number>();
  const add = (counts: Map<string, number>, key: string): void =>
    void counts.set(key, (counts.get(key) ?? 0) + 1);
  let millisMax = 0;
  const timed = async (work: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    await work();
    millisMax = Math.max(millisMax, performance.now() - began);
  };
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      for (const [name, value] of await gaugesOf(plan))
        highest.set(name, Math.max(value, highest.get(name) ?? 0));
      await pause(plan.lookMillis);
    }
  })();
  const work = [
    ...Array.from({ length: plan.batches }, (_, at) => batch(plan, at, { done, refused, add })),
    ...Array.from({ length: plan.singles }, (_, at) => overHttp(plan, at, { done, refused, add })),
    ...Array.from({ length: plan.singles }, (_, at) => overGrpc(plan, at, { done, refused, add })),
  ];
  await Promise.all(work.map(timed)).finally(() => (isOver = true));
  await looking;
  return { done, refused, millisMax, highest };
}

interface Counted {
  readonly done: Map<string, number>;
  readonly refused: Map<string, number>;
  readonly add: (counts: Map<string, number>, key: string) => void;
}

const idAt = ({ ids }: Flood, at: number): string => ids[at % ids.length] ?? '';

function batch(plan: Flood, number: number, { done, refused, add }: Counted): () => Promise<void> {
  const { type, field, grpc, batchChanges } = plan;
  const operations = [{ field, op: 'increment', argumentsJson: '{"by":1}' }];
  const changes = Array.from({ length: batchChanges }, (_, at) => ({
    type,
    id: idAt(plan, number + at),
    operations,
  }));
  return async () => {
    const { outcomes } = await grpc.call('batch', { changes }).then(
      ({ message }) => message as { outcomes: readonly { ok: boolean; error?: { code: string } }[] },
      (error: unknown) => {
        const { code } = problemOfStatus(error as Parameters<typeof problemOfStatus>[0]);
        return { outcomes: changes.map(() => ({ ok: false, error: { code } })) };
      },
    );
    for (const [at, { ok, error }] of outcomes.entries())
      if (ok) add(done, idAt(plan, number + at));
      else add(refused, error?.code ?? '');
  };
}

function overHttp(plan: Flood, at: number, { done, refused, add }: Counted): () => Promise<void> {
  const { base, type, field } = plan;
  const id = idAt(plan, at);
  const body = JSON.stringify({ operations: [{ field, op: 'increment', by: 1 }] });
  return async () => {
    const answered = await ask(base, { url: `/v1/entities/${type}/${id}/changes`, body });
    if (answered.status === 200) add(done, id);
    else add(refused, String(answered.body.code));
  };
}

function overGrpc(plan: Flood, at: number, { done, refused, add }: Counted): () => Promise<void> {
  const { grpc, type, field } = plan;
  const id = idAt(plan, at);
  const operations = [{ field, op: 'increment', argumentsJson: '{"by":1}' }];
  return () =>
    grpc.call('changeEntity', { type, id, operations }).then(
      () => add(done, id),
      (error: unknown) => add(refused, problemOfStatus(error as Parameters<typeof problemOfStatus>[0]).code),
    );
}

async function gaugesOf({ base, gauges }: Flood): Promise<ReadonlyMap<string, number>> {
  const { body } = await ask(base, { method: 'GET', url: '/metrics' });
  return new Map(
    gauges.map((name) => [name, Number(new RegExp(`^atoll_${name} (\\S+)$`, 'm').exec(String(body))?.[1])]),
  );
}
