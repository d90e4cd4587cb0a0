import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import * as answers from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import {
  batchRequest,
  changeRequest,
  entityId,
  getManyRequest,
  historyQuery,
  listQuery,
  patchRequest,
  transactionRequest,
  typeName,
} from '#io/http/requests.js';
import type { RegionApi } from '../api/region-api.js';
import { REGION_API } from '../wiring/tokens.js';
import { readHeaders, writeHeaders } from './call-headers.js';
import { CallOf, Operation, readErrors, writeErrors } from './operation.decorator.js';

const Type = (): ParameterDecorator => Param('type', { schema: typeName });
const Id = (): ParameterDecorator => Param('id', { schema: entityId });

@ApiTags('entities')
@Controller('v1/entities/:type')
export class EntitiesController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Get()
  @Operation({
    name: 'ListEntities',
    summary: 'List the entities of a type in id order; local and eventual',
    needs: 'read',
    answers: answers.entities,
    takesQuery: true,
    errors: ['unknown_type'],
  })
  list(
    @CallOf() call: Call,
    @Type() type: string,
    @Query({ schema: listQuery }) page: z.output<typeof listQuery>,
  ) {
    return this.api.list(call, type, page);
  }

  @Post('get')
  @Operation({
    name: 'GetEntities',
    summary: 'Read several entities of a type',
    needs: 'read',
    answers: answers.entities,
    headers: readHeaders,
    errors: readErrors,
  })
  getMany(
    @CallOf() call: Call,
    @Type() type: string,
    @Body({ schema: getManyRequest }) body: z.output<typeof getManyRequest>,
  ) {
    return this.api.getMany(call, type, body.ids);
  }

  @Get(':id')
  @Operation({
    name: 'GetEntity',
    summary: 'Read an entity; `not_found` with `seen` when it was never written or is deleted',
    needs: 'read',
    answers: answers.entity,
    headers: readHeaders,
    errors: ['not_found', ...readErrors],
  })
  get(@CallOf() call: Call, @Type() type: string, @Id() id: string) {
    return this.api.get(call, { type, id });
  }

  @Post(':id/changes')
  @Operation({
    name: 'ChangeEntity',
    summary: 'Change an entity: all operations or none',
    needs: 'write',
    answers: answers.write,
    headers: writeHeaders,
    errors: writeErrors,
  })
  change(
    @CallOf() call: Call,
    @Type() type: string,
    @Id() id: string,
    @Body({ schema: changeRequest }) body: z.output<typeof changeRequest>,
  ) {
    return this.api.change(call, { type, id }, body);
  }

  @Patch(':id')
  @Operation({
    name: 'PatchEntity',
    summary: 'Set register fields; absent fields are left alone',
    needs: 'write',
    answers: answers.write,
    headers: writeHeaders,
    errors: writeErrors,
  })
  patch(
    @CallOf() call: Call,
    @Type() type: string,
    @Id() id: string,
    @Body({ schema: patchRequest }) body: z.output<typeof patchRequest>,
  ) {
    return this.api.patch(call, { type, id }, body);
  }

  @Delete(':id')
  @Operation({
    name: 'DeleteEntity',
    summary: 'Delete an entity, by the delete rule of its type',
    needs: 'write',
    answers: answers.write,
    headers: writeHeaders,
    errors: writeErrors,
  })
  remove(@CallOf() call: Call, @Type() type: string, @Id() id: string) {
    return this.api.remove(call, { type, id });
  }

  @Get(':id/history')
  @Operation({
    name: 'GetHistory',
    summary: 'Events of an entity, newest first, and how each was merged',
    needs: 'read',
    answers: answers.history,
    takesQuery: true,
    errors: ['unknown_type'],
  })
  history(
    @CallOf() call: Call,
    @Type() type: string,
    @Id() id: string,
    @Query({ schema: historyQuery }) page: z.output<typeof historyQuery>,
  ) {
    return this.api.history(call, { type, id }, page);
  }
}

@ApiTags('entities')
@Controller('v1/batch')
export class BatchController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Post()
  @Operation({
    name: 'Batch',
    summary: 'Change many entities in one round trip; not atomic, an outcome for each',
    needs: 'write',
    answers: answers.batch,
    headers: ['Atoll-Session', 'Atoll-Consistency', 'Atoll-Acks', 'Atoll-Max-Wait'],
  })
  batch(@CallOf() call: Call, @Body({ schema: batchRequest }) body: z.output<typeof batchRequest>) {
    return this.api.batch(call, body.changes);
  }
}

@ApiTags('entities')
@Controller('v1/transactions')
export class TransactionsController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Post()
  @Operation({
    name: 'Transact',
    summary: 'Change several strong entities that share a partition key: all of them or none',
    needs: 'write',
    answers: answers.transaction,
    headers: ['Idempotency-Key', 'Atoll-Session', 'Atoll-Consistency', 'Atoll-Acks', 'Atoll-Max-Wait'],
    errors: [...writeErrors, 'not_one_partition', 'duplicate_entity'],
  })
  transact(
    @CallOf() call: Call,
    @Body({ schema: transactionRequest }) body: z.output<typeof transactionRequest>,
  ) {
    return this.api.transact(call, body.changes);
  }
}
