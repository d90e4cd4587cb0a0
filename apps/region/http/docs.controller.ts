import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Inject, NotFoundException, Param, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { OPENAPI } from '../wiring/tokens.js';
import { Needs } from './access.guard.js';
import type { RimReply } from './request.js';

/** Swagger's page comes with @nestjs/swagger; these of its files are served, no others. */
const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Atoll API</title>
    <link rel="icon" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="api"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true });\n";

@ApiExcludeController()
@Needs('nobody')
@Controller()
export class DocsController {
  private readonly folder = swaggerFolder();

  constructor(@Inject(OPENAPI) private readonly openapi: () => OpenAPIObject) {}

  @Get('openapi.json')
  description(@Res() reply: RimReply): void {
    void reply.type('application/json').send(JSON.stringify(this.openapi()));
  }

  @Get('docs')
  docs(@Res() reply: RimReply): void {
    void reply
      .type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
      )
      .send(page);
  }

  @Get('docs/:file')
  asset(@Param('file') file: string, @Res() reply: RimReply): void {
    if (file === 'start.js') {
      void reply.type('text/javascript; charset=utf-8').send(start);
      return;
    }
    const type = Object.hasOwn(assets, file) ? assets[file] : undefined;
    if (type === undefined) throw new NotFoundException(`There is no /docs/${file}`);
    void reply.type(type).send(createReadStream(join(this.folder, file)));
  }
}

function swaggerFolder(): string {
  const swagger = createRequire(import.meta.resolve('@nestjs/swagger'));
  return dirname(swagger.resolve('swagger-ui-dist/package.json'));
}
