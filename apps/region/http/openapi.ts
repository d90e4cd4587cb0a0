import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problem } from '#io/http/answers.js';

const description = `Active-active replication for services that keep their data in Postgres. Any region takes any write.

Every error is a problem (RFC 9457) with a \`code\`; docs/reference/errors.md says what each means. gRPC (package \`atoll.v1\`, with
reflection) has the same operations under the same names.`;

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
  const { $schema: _schema, ...schema } = z.toJSONSchema(problem, {
    target: 'openapi-3.0',
    reused: 'inline',
  });
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: schema as never },
  };
  return document;
}
