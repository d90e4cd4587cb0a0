import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { entityIdLengthMax } from '#core/event/event-codec.js';
import {
  batchBodyBytesMax,
  batchChangesMax,
  bodyBytesMax,
  headerBytesMax,
  jsonDepthMax,
  operationsMax,
} from '#io/http/limits.js';
import { describeProblems } from './problem-responses.js';

const mebibyte = 1024 * 1024;

const description = `Active-active replication for services that keep their data in Postgres. Any region takes any write.

Every error is a problem (RFC 9457) with a \`code\`; docs/reference/errors.md says what each means. gRPC (package \`atoll.v1\`, with
reflection) has the same operations under the same names.

Limits: a body has at most ${bodyBytesMax / mebibyte} MiB, that of a batch ${batchBodyBytesMax / mebibyte} MiB; a change at most ${operationsMax} operations, a batch ${batchChangesMax}
changes, an id ${entityIdLengthMax} characters; JSON nests at most ${jsonDepthMax} levels and repeats no key; integers lie within ±(2^53−1); text holds
neither U+0000 nor lone surrogates; headers have at most ${headerBytesMax / 1024} KiB together. Unknown keys and query parameters are refused.`;

/** The description of the whole HTTP surface, problems included. */
export function describeApi(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Atoll')
    .setDescription(description)
    .setVersion(version)
    .setOpenAPIVersion('3.0.3')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'Required unless the region is bound to loopback',
    })
    .build();
  const document = SwaggerModule.createDocument(app, config);
  describeProblems(document);
  return document;
}
