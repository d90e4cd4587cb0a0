import type { OpenAPIObject } from '@nestjs/swagger';
import type { BearerTokens } from '#io/http/bearer-tokens.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import type { Report } from '../api/as-atoll-error.js';
import type { RegionApi } from '../api/region-api.js';
import type { GrpcCalls } from '../grpc/grpc-calls.js';
import { token } from './token.js';

export const REGION_API = token<RegionApi>('RegionApi');
export const GRPC_CALLS = token<GrpcCalls>('GrpcCalls');
export const BEARER_TOKENS = token<BearerTokens>('BearerTokens');
export const TELEMETRY = token<PrometheusTelemetry>('Telemetry');
export const REPORT = token<Report>('Report');
export const OPENAPI = token<() => OpenAPIObject>('OpenApi');
