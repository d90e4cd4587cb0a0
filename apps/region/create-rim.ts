import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Admission } from '#flow/accept/admission.js';
import type { BearerTokens } from '#io/http/bearer-tokens.js';
import type { Log } from '#io/telemetry/json-log.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import type { Report } from './api/as-atoll-error.js';
import type { RegionApi } from './api/region-api.js';
import { AccessGuard } from './http/access.guard.js';
import { createFastifyAdapter } from './http/fastify.js';
import { describeApi } from './http/openapi.js';
import { ProblemFilter } from './http/problem.filter.js';
import { SchemaPipe } from './http/schema.pipe.js';
import { RegionModule } from './region.module.js';
import { nestLogOf } from './wiring/nest-log.js';

export interface Rim {
  readonly api: RegionApi;
  readonly tokens: BearerTokens;
  readonly admission: Admission;
  readonly telemetry: PrometheusTelemetry;
  readonly report: Report;
  readonly log: Log;
  /** Of the product, for the OpenAPI description. */
  readonly version: string;
}

/** The Nest application of a region process; it listens to nothing yet. */
export async function createRim(rim: Rim): Promise<NestFastifyApplication> {
  let described: OpenAPIObject | undefined;
  const openapi = (): OpenAPIObject => (described ??= describeApi(app, rim.version));
  const app = await NestFactory.create<NestFastifyApplication>(
    RegionModule.over({ ...rim, openapi }),
    createFastifyAdapter({ region: rim.api.region, tokens: rim.tokens, admission: rim.admission }),
    { bodyParser: false, logger: nestLogOf(rim.log), abortOnError: false },
  );
  app.useGlobalFilters(new ProblemFilter(rim.api.region, rim.report));
  app.useGlobalGuards(new AccessGuard(rim.tokens));
  app.useGlobalPipes(new SchemaPipe());
  return app;
}

/** What is asked already is answered within this, or not at all: a stop has 5 s in all. */
const answerMillisMax = 2_000;

/** Takes nothing new, lets what is under way be answered for a while, then ends every connection and microservice. */
export async function closeRim(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  // Also connections that never asked anything, which Node does not take for idle.
  const impatient = setTimeout(() => server.closeAllConnections(), answerMillisMax);
  await app.close();
  clearTimeout(impatient);
}
