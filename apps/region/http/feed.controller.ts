import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiProduces, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { notice } from '#io/http/answers.js';
import { refuseUntaken } from '#io/http/call.js';
import { changesQuery } from '#io/http/requests.js';
import { formatComment, formatEvent } from '#io/http/server-sent-events.js';
import { feedHeartbeatMillis, feedStallMillisMax } from '#io/http/limits.js';
import { problemOf } from '#io/wire/problem.js';
import { asAtollError, type Report } from '../api/as-atoll-error.js';
import type { RegionApi } from '../api/region-api.js';
import { REGION_API, REPORT } from '../wiring/tokens.js';
import { BoundedWriter } from './bounded-writer.js';
import { Operation } from './operation.decorator.js';
import { callOf, headerOf, type RimReply, type RimRequest } from './request.js';

@ApiTags('changes')
@Controller('v1/changes')
export class FeedController {
  constructor(
    @Inject(REGION_API) private readonly api: RegionApi,
    @Inject(REPORT) private readonly report: Report,
  ) {}

  @Get()
  @ApiProduces('text/event-stream')
  @Operation({
    name: 'FollowChanges',
    summary:
      'Server-sent events `change`, each with a notice as data and its position as id; resumable in any region',
    needs: 'read',
    streams: true,
    answers: notice,
    headers: ['Last-Event-ID'],
    errors: ['unknown_type'],
  })
  async follow(
    @Query({ schema: changesQuery }) query: z.output<typeof changesQuery>,
    @Req() request: RimRequest,
    @Res() reply: RimReply,
  ): Promise<void> {
    refuseUntaken(callOf(request), { level: false, acks: false });
    const after = query.after ?? (headerOf(request, 'last-event-id') || undefined);
    const writer = new BoundedWriter(reply.raw, feedStallMillisMax);
    const feed = this.api.follow({ ...query, after }, (one) =>
      writer.write(formatEvent({ id: one.position, event: 'change', data: JSON.stringify(one) })),
    );
    reply.raw.once('close', () => feed.stop());
    await feed.started;
    reply.hijack();
    writer.open({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'atoll-region': this.api.region,
      'atoll-request-id': request.id,
      'x-accel-buffering': 'no',
    });
    const heartbeat = setInterval(() => writer.writeIfIdle(formatComment('still here')), feedHeartbeatMillis);
    try {
      await feed.ended;
    } catch (thrown) {
      const problem = problemOf(asAtollError(thrown, this.report), {
        requestId: request.id,
        region: this.api.region,
      });
      await writer.write(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
    } finally {
      clearInterval(heartbeat);
      reply.raw.end();
    }
  }
}
