import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { ask } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
}

let rims: MemoryRims;
let document: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: object }>> };
};
beforeAll(async () => {
  rims = await MemoryRims.started();
  await rims.at('us').app.listen(0, '127.0.0.1');
  document = (await ask(await rims.at('us').app.getUrl(), { method: 'GET', url: '/openapi.json' })).body;
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

describe('the OpenAPI description', () => {
  it('has every operation of the surface', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.sort()).toMatchSnapshot();
  });

  it('has no operation that the reference page lacks', () => {
    const page = readFileSync(new URL('../../../docs/reference/api.md', import.meta.url), 'utf8');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `\`${method.toUpperCase()} ${path}\``),
    );
    expect(operations.filter((operation) => !page.includes(operation))).toEqual([]);
  });

  it('says for each under /v1 what it answers, and every way it fails', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!path.startsWith('/v1/')) continue;
      for (const [method, { responses }] of Object.entries(methods)) {
        const name = `${method} ${path}`;
        expect(Object.keys(responses), name).toEqual(
          expect.arrayContaining(['200', '400', '401', '403', '429', '500', '503', '504']),
        );
        for (const [status, { content }] of Object.entries(responses)) {
          const [media] = Object.entries(content ?? {});
          expect(media?.[0], `${name} ${status}`).toBe(
            status === '200'
              ? path === '/v1/changes'
                ? 'text/event-stream'
                : 'application/json'
              : 'application/problem+json',
          );
          expect(media?.[1].schema, `${name} ${status}`).toHaveProperty('$ref');
        }
      }
    }
  });

  it('describes bodies, parameters and headers', () => {
    const change = document.paths['/v1/entities/{type}/{id}/changes']!.post!;
    expect(change.operationId).toBe('ChangeEntity');
    expect(change.requestBody?.content['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/ChangeRequest',
    });
    const named = change.parameters?.map(({ name, in: place }) => `${place} ${name}`);
    expect(named).toEqual(
      expect.arrayContaining([
        'path type',
        'path id',
        'header Idempotency-Key',
        'header If-Match',
        'header Atoll-Session',
      ]),
    );
    const list = document.paths['/v1/entities/{type}']!.get!;
    expect(list.parameters?.map(({ name, in: place }) => `${place} ${name}`)).toEqual(
      expect.arrayContaining(['query limit', 'query after']),
    );
  });

  it('refers to nothing that is not there', () => {
    const references = new Set(referencesIn(document));
    expect(references).toContain('#/components/schemas/Problem');
    expect([...references].filter((reference) => at(document, reference) === undefined)).toEqual([]);
  });

  it('says of problems what they hold', () => {
    expect(document.components.schemas.Problem).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['code', 'retryable', 'requestId']),
      properties: { code: { enum: Object.keys(errorCatalogue) }, errors: { type: 'array' } },
    });
  });

  it('has every code of the catalogue in some operation, but that of what is no operation', () => {
    const told = JSON.stringify(document.paths);
    const untold = Object.keys(errorCatalogue).filter((code) => !told.includes(`\`${code}\``));
    expect(untold).toEqual(['route_not_found']);
  });

  it('says what the form of a request can be refused for', () => {
    const statuses = (method: string, path: string): readonly string[] =>
      Object.keys(document.paths[path]?.[method]?.responses ?? {});
    expect(statuses('get', '/v1/conflicts/{conflictId}')).toContain('413');
    expect(statuses('get', '/v1/writes/{mutationId}')).toContain('413');
    expect(statuses('get', '/v1/entities/{type}')).toEqual(expect.arrayContaining(['413', '422']));
    expect(statuses('post', '/v1/admin/shards/{shard}/handover')).toEqual(
      expect.arrayContaining(['413', '422']),
    );
    expect(statuses('get', '/v1/admin/links')).not.toContain('413');
    expect(statuses('get', '/metrics')).toEqual(expect.arrayContaining(['200', '401', '403']));
  });
});

/** Every `$ref`, however deep. */
function referencesIn(json: unknown): readonly string[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) =>
    key === '$ref' ? [String(value)] : referencesIn(value),
  );
}

/** What a JSON pointer into the document leads to. */
function at(root: unknown, reference: string): unknown {
  const steps = reference.split('/').slice(1);
  if (!reference.startsWith('#/')) return undefined;
  return steps.reduce<unknown>(
    (place, step) =>
      (place as Readonly<Record<string, unknown>> | undefined)?.[
        step.replaceAll('~1', '/').replaceAll('~0', '~')
      ],
    root,
  );
}
