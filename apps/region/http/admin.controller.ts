import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import * as answers from '#io/http/admin-answers.js';
import type { Call } from '#io/http/call.js';
import {
  drainRightsRequest,
  handoverRequest,
  membersRequest,
  moveTypeRequest,
  quarantineQuery,
  reclaimRightsRequest,
  shardNumber,
  typeName,
} from '#io/http/requests.js';
import type { RegionApi } from '../api/region-api.js';
import { REGION_API } from '../wiring/tokens.js';
import { CallOf, Operation } from './operation.decorator.js';

@ApiTags('admin')
@Controller('v1/admin')
export class AdminController {
  constructor(@Inject(REGION_API) private readonly api: RegionApi) {}

  @Get('topology')
  @Operation({
    name: 'GetTopology',
    summary: 'The region, its process, its types',
    needs: 'admin',
    answers: answers.topology,
  })
  topology() {
    return this.api.topology();
  }

  @Get('links')
  @Operation({
    name: 'GetLinks',
    summary: 'Every other region, and who is behind whom',
    needs: 'admin',
    answers: answers.links,
  })
  links() {
    return this.api.links();
  }

  @Get('shards')
  @Operation({
    name: 'GetShards',
    summary: 'Who owns each shard, and its cursors',
    needs: 'admin',
    answers: answers.shards,
  })
  shards() {
    return this.api.shards();
  }

  @Get('quarantine')
  @Operation({
    name: 'GetQuarantine',
    summary: 'Events that are stored and cannot be folded until somebody acts',
    needs: 'admin',
    answers: answers.quarantine,
    takesQuery: true,
  })
  quarantine(@Query({ schema: quarantineQuery }) { limit }: z.output<typeof quarantineQuery>) {
    return this.api.quarantine(limit);
  }

  @Get('refused')
  @Operation({
    name: 'GetRefused',
    summary: 'Strong events that a new home left out, kept as losing',
    needs: 'admin',
    answers: answers.refused,
    takesQuery: true,
  })
  refused(@Query({ schema: quarantineQuery }) { limit }: z.output<typeof quarantineQuery>) {
    return this.api.refused(limit);
  }

  @Get('members')
  @Operation({
    name: 'GetMembers',
    summary: 'Who decides in strong shards, and where each of these stands',
    needs: 'admin',
    answers: answers.strongMembers,
  })
  members() {
    return this.api.members();
  }

  @Post('members')
  @Operation({
    name: 'ChangeMembers',
    summary:
      'Add a region to those who decide in strong shards, or remove one; a dry run unless told otherwise',
    needs: 'admin',
    answers: answers.membersChanged,
    headers: ['Atoll-Max-Wait'],
    errors: ['precondition_failed', 'not_home', 'no_majority', 'owner_moved', 'clock_out_of_bounds'],
  })
  changeMembers(
    @CallOf() call: Call,
    @Body({ schema: membersRequest }) body: z.output<typeof membersRequest>,
  ) {
    return this.api.changeMembers(call, body);
  }

  @Post('shards/:shard/handover')
  @Operation({
    name: 'HandOver',
    summary: 'Make another region the home of a shard, planned or forced; a dry run unless told otherwise',
    needs: 'admin',
    answers: answers.handedOver,
    errors: ['not_home', 'no_majority', 'owner_moved'],
  })
  handover(
    @CallOf() call: Call,
    @Param('shard', { schema: shardNumber }) shard: z.output<typeof shardNumber>,
    @Body({ schema: handoverRequest }) body: z.output<typeof handoverRequest>,
  ) {
    return this.api.handover(call, shard, body);
  }

  @Get('types')
  @Operation({
    name: 'GetTypes',
    summary: 'How each type is written in each shard: eventual, strong, or on its way',
    needs: 'admin',
    answers: answers.typeStanding,
  })
  types() {
    return this.api.typeStanding();
  }

  @Post('types/:type/move')
  @Operation({
    name: 'MoveType',
    summary:
      'Move a type between strong and eventual while it is served, or take that back; a dry run unless told otherwise',
    needs: 'admin',
    answers: answers.typeMoved,
    headers: ['Atoll-Max-Wait'],
    errors: ['unknown_type', 'precondition_failed'],
  })
  moveType(
    @CallOf() call: Call,
    @Param('type', { schema: typeName }) type: z.output<typeof typeName>,
    @Body({ schema: moveTypeRequest }) body: z.output<typeof moveTypeRequest>,
  ) {
    return this.api.moveType(call, type, body);
  }

  @Post('rights/drain')
  @Operation({
    name: 'DrainRights',
    summary:
      "Hand this region's rights to bounded counters on, before it is taken down; a dry run unless told otherwise",
    needs: 'admin',
    answers: answers.rightsRun,
  })
  drainRights(
    @CallOf() call: Call,
    @Body({ schema: drainRightsRequest }) body: z.output<typeof drainRightsRequest>,
  ) {
    return this.api.drainRights(call, body);
  }

  @Post('rights/reclaim')
  @Operation({
    name: 'ReclaimRights',
    summary: 'Take the rights of a region over whose database is destroyed; a dry run unless told otherwise',
    needs: 'admin',
    answers: answers.rightsRun,
  })
  reclaimRights(
    @CallOf() call: Call,
    @Body({ schema: reclaimRightsRequest }) body: z.output<typeof reclaimRightsRequest>,
  ) {
    return this.api.reclaimRights(call, body);
  }

  @Get('slo')
  @Operation({
    name: 'GetSlo',
    summary: 'Lag and commit quantiles of this process',
    needs: 'admin',
    answers: answers.slo,
  })
  slo() {
    return this.api.slo();
  }
}
