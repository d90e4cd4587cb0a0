import { describe, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type * as answers from '#io/http/answers.js';
import type * as requests from '#io/http/requests.js';
import type * as wire from './wire.js';

describe("the client's idea of the wire", () => {
  it('is what the service answers', () => {
    type Answer<K extends keyof typeof answers> = (typeof answers)[K] extends z.ZodType<infer T> ? T : never;
    expectTypeOf<Pick<answers.EntityAnswer, 'version' | 'seen' | 'conflicts' | 'session'>>().toExtend<
      Pick<wire.EntityRead, 'version' | 'seen' | 'conflicts' | 'session'>
    >();
    expectTypeOf<keyof wire.EntityRead>().toExtend<keyof answers.EntityAnswer>();
    expectTypeOf<keyof wire.ListedEntity>().toExtend<keyof answers.ListedEntity>();
    expectTypeOf<keyof wire.EntityPage>().toExtend<keyof answers.EntitiesAnswer>();
    expectTypeOf<answers.WriteAnswer>().toExtend<wire.WriteResult>();
    expectTypeOf<answers.TransactionAnswer>().toExtend<wire.TransactionResult>();
    expectTypeOf<keyof wire.HistoryEntry>().toExtend<keyof answers.HistoryAnswer['entries'][number]>();
    expectTypeOf<keyof wire.HistoryPage>().toExtend<keyof answers.HistoryAnswer>();
    expectTypeOf<keyof wire.Conflict>().toExtend<keyof answers.ConflictAnswer>();
    expectTypeOf<keyof wire.ConflictPage>().toExtend<keyof Answer<'conflicts'>>();
    expectTypeOf<Answer<'writeStatus'>>().toExtend<wire.WriteStatus>();
    expectTypeOf<Answer<'barrierState'>>().toExtend<wire.BarrierState>();
    expectTypeOf<keyof wire.Notice>().toExtend<keyof answers.NoticeAnswer>();
    expectTypeOf<keyof wire.Problem>().toExtend<keyof Answer<'problem'>>();
  });

  it('is what the service takes', () => {
    expectTypeOf<keyof wire.BatchChange>().toExtend<keyof requests.BatchChange>();
    expectTypeOf<keyof wire.TransactionChange>().toExtend<keyof requests.TransactionChange>();
    expectTypeOf<keyof wire.Change>().toExtend<keyof requests.ChangeRequest>();
    expectTypeOf<keyof wire.ConflictQuery>().toExtend<keyof z.input<typeof requests.conflictsQuery>>();
  });
});
