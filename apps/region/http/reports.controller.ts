import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import * as answers from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import { tokenLengthMax } from '#io/http/limits.js';
import { conflictId, conflictsQuery, resolveRequest, writeId } from '#io/http/requests.js';
import type { RegionApi } from '../api/region-api.js';
import { REGION_API } from '../wiring/tokens.js';
import { writeHeaders } from './call-headers.js';
import { CallOf, Operation, writeErrors } from './operation.decorator.js';

const barrierToken = z.string().min(1).max(tokenLengthMax);

@ApiTags('conflicts')
@Controller('v1/conflicts')
export class ConflictsController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Get()
  @Operation({
    name: 'ListConflicts',
    summary: 'Conflicts of a type, of an entity, or all; newest first',
    needs: 'read',
    answers: answers.conflicts,
    takesQuery: true,
    errors: ['unknown_type'],
  })
  list(@Query({ schema: conflictsQuery }) page: z.output<typeof conflictsQuery>) {
    return this.api.conflicts(page);
  }

  @Get(':conflictId')
  @Operation({
    name: 'GetConflict',
    summary: 'One conflict: the two changes',
    needs: 'read',
    answers: answers.conflict,
    errors: ['conflict_not_found'],
  })
  get(@Param('conflictId', { schema: conflictId }) id: string) {
    return this.api.conflict(id);
  }

  @Post(':conflictId/resolve')
  @Operation({
    name: 'ResolveConflict',
    summary: 'Write what a person decided; the conflict is then resolved everywhere',
    needs: 'write',
    answers: answers.write,
    headers: writeHeaders,
    errors: ['conflict_not_found', ...writeErrors],
  })
  resolve(
    @CallOf() call: Call,
    @Param('conflictId', { schema: conflictId }) id: string,
    @Body({ schema: resolveRequest }) body: z.output<typeof resolveRequest>,
  ) {
    return this.api.resolve(call, id, body);
  }
}

@ApiTags('writes')
@Controller('v1/writes')
export class WritesController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Get(':mutationId')
  @Operation({
    name: 'GetWrite',
    summary: 'What became of a write, by its mutation id',
    needs: 'read',
    answers: answers.writeStatus,
    errors: ['write_not_found'],
  })
  get(@Param('mutationId', { schema: writeId }) id: string) {
    return this.api.write(id);
  }
}

@ApiTags('barriers')
@Controller('v1/barriers')
export class BarriersController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Post()
  @Operation({
    name: 'CreateBarrier',
    summary: 'Name everything up to now: to wait until a region has it, instead of sleeping',
    needs: 'read',
    answers: answers.barrier,
  })
  create() {
    return this.api.createBarrier();
  }

  @Get(':token')
  @Operation({
    name: 'AwaitBarrier',
    summary: 'Wait until this region has everything that a barrier names, at most for Atoll-Max-Wait',
    needs: 'read',
    answers: answers.barrierState,
    headers: ['Atoll-Max-Wait'],
    errors: ['barrier_not_found'],
  })
  wait(@CallOf() call: Call, @Param('token', { schema: barrierToken }) token: string) {
    return this.api.awaitBarrier(call, token);
  }
}
