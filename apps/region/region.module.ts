import { Module, type DynamicModule } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { BearerTokens } from '#io/http/bearer-tokens.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import type { Report } from './api/as-atoll-error.js';
import type { RegionApi } from './api/region-api.js';
import { AtollGrpcController } from './grpc/atoll.controller.js';
import { GrpcCalls } from './grpc/grpc-calls.js';
import { ReportsGrpcController } from './grpc/reports.controller.js';
import { AdminController } from './http/admin.controller.js';
import { DocsController } from './http/docs.controller.js';
import { BatchController, EntitiesController, TransactionsController } from './http/entities.controller.js';
import { FeedController } from './http/feed.controller.js';
import { HealthController } from './http/health.controller.js';
import { BarriersController, ConflictsController, WritesController } from './http/reports.controller.js';
import { provide, provideValue } from './wiring/token.js';
import { BEARER_TOKENS, GRPC_CALLS, OPENAPI, REGION_API, REPORT, TELEMETRY } from './wiring/tokens.js';

export interface RimParts {
  readonly api: RegionApi;
  readonly tokens: BearerTokens;
  readonly telemetry: PrometheusTelemetry;
  readonly report: Report;
  readonly openapi: () => OpenAPIObject;
}

/** The rim of a region process: controllers over one API, HTTP and gRPC alike. */
@Module({})
export class RegionModule {
  static over({ api, tokens, telemetry, report, openapi }: RimParts): DynamicModule {
    return {
      module: RegionModule,
      controllers: [
        EntitiesController,
        BatchController,
        TransactionsController,
        ConflictsController,
        WritesController,
        BarriersController,
        FeedController,
        AdminController,
        HealthController,
        DocsController,
        AtollGrpcController,
        ReportsGrpcController,
      ],
      providers: [
        provideValue(REGION_API, api),
        provideValue(BEARER_TOKENS, tokens),
        provideValue(TELEMETRY, telemetry),
        provideValue(REPORT, report),
        provideValue(OPENAPI, openapi),
        provide(
          GRPC_CALLS,
          [REGION_API, BEARER_TOKENS, REPORT],
          (rim, known, tell) => new GrpcCalls(rim.region, known, tell),
        ),
      ],
    };
  }
}
