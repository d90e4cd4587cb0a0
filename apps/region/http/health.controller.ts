import { Controller, Get, Header, Inject, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { AtollError } from '#core/errors.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import type { Answer } from '../api/answer.js';
import type { RegionApi } from '../api/region-api.js';
import { REGION_API, TELEMETRY } from '../wiring/tokens.js';
import { Needs } from './access.guard.js';
import { AnswerInterceptor } from './answer.interceptor.js';
import { always, Operation } from './operation.decorator.js';
import { FailsWith } from './problem-responses.js';

const live = z.strictObject({ status: z.literal('live'), region: z.string() }).meta({ id: 'Live' });
const ready = z.strictObject({ status: z.literal('ready'), region: z.string() }).meta({ id: 'Ready' });

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    @Inject(REGION_API) private readonly api: RegionApi,
    @Inject(TELEMETRY) private readonly telemetry: PrometheusTelemetry,
  ) {}

  @Get('livez')
  @Operation({ name: 'IsLive', summary: 'The process answers', needs: 'nobody', answers: live })
  live(): Answer<z.output<typeof live>> {
    return { body: { status: 'live', region: this.api.region } };
  }

  @Get('readyz')
  @Operation({
    name: 'IsReady',
    summary: 'Every shard of the region has an owner and the database answers',
    needs: 'nobody',
    answers: ready,
  })
  async ready(): Promise<Answer<z.output<typeof ready>>> {
    if (await this.api.isReady()) return { body: { status: 'ready', region: this.api.region } };
    throw new AtollError(
      'unavailable',
      'A shard of the region has no owner at the moment, or the database does not answer.',
    );
  }

  @Get('metrics')
  @Needs('read')
  @UseInterceptors(AnswerInterceptor)
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ operationId: 'GetMetrics', summary: "Metrics in Prometheus' text format" })
  @ApiProduces('text/plain')
  @ApiOkResponse({ description: 'Done', schema: { type: 'string' } })
  @FailsWith(always)
  async metrics(): Promise<Answer<string>> {
    await this.api.refreshGauges();
    return { body: await this.telemetry.render() };
  }
}
