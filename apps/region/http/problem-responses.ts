import { ApiExtension, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { assert } from '#core/assert.js';
import { AtollError, type ErrorCode } from '#core/errors.js';
import { problem } from '#io/http/answers.js';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { problemMediaType } from '#io/wire/problem.js';

type PathItem = OpenAPIObject['paths'][string];
type Described = NonNullable<PathItem['get']> & { [failuresKey]?: readonly ErrorCode[] };

/** Where an operation's description keeps its codes until `describeProblems` makes responses of them. */
const failuresKey = 'x-atoll-failures';

/** What an operation can fail with, besides what the form of its requests brings along. */
export function FailsWith(codes: readonly ErrorCode[]): MethodDecorator {
  return ApiExtension(failuresKey, codes);
}

const methods = ['get', 'post', 'patch', 'delete'] as const;
const problemName = 'Problem';

/** Gives every operation a response for each status that it can fail with, and the description the schema of problems. */
export function describeProblems(document: OpenAPIObject): void {
  for (const path of Object.values(document.paths)) {
    for (const method of methods) {
      const operation = path[method] as Described | undefined;
      if (operation === undefined) continue;
      const { [failuresKey]: failures = [] } = operation;
      delete operation[failuresKey];
      Object.assign(operation.responses, responsesOf([...failures, ...failuresOfForm(method, operation)]));
    }
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, [problemName]: problemSchema() as never },
  };
}

/** What reading a request of this form can fail with, whatever the operation then does. */
function failuresOfForm(method: (typeof methods)[number], { parameters = [] }: Described): ErrorCode[] {
  const failures: ErrorCode[] = [];
  // Any method but GET may come with a body, and whatever comes is read.
  if (method !== 'get') failures.push('too_large', 'too_deep', 'invalid_value', 'out_of_range');
  for (const parameter of parameters) {
    if (!('in' in parameter) || (parameter.in !== 'path' && parameter.in !== 'query')) continue;
    failures.push('too_large');
    const { schema } = parameter;
    if (schema && 'type' in schema && schema.type === 'integer') failures.push('out_of_range');
  }
  return failures;
}

function responsesOf(codes: readonly ErrorCode[]): Described['responses'] {
  const byStatus = Map.groupBy(new Set(codes), (code) => errorCatalogue[code].httpStatus);
  const responses: Described['responses'] = {};
  for (const [status, ofStatus] of byStatus)
    responses[status] = {
      description: ofStatus.map(told).join('. '),
      content: { [problemMediaType]: { schema: { $ref: `#/components/schemas/${problemName}` } } },
    };
  return responses;
}

function told(code: ErrorCode): string {
  const { retryable } = new AtollError(code, '');
  return `\`${code}\`${retryable ? ' (retryable)' : ''}: ${errorCatalogue[code].title}`;
}

/** With an id, a schema is described as a reference to a definition beside it: what counts is that one. */
function problemSchema(): object {
  const { definitions } = z.toJSONSchema(problem, { target: 'openapi-3.0', reused: 'inline' }) as {
    readonly definitions?: Readonly<Record<string, object>>;
  };
  const described = definitions?.[problemName];
  assert(described !== undefined, 'the schema of problems has its id for a name');
  return described;
}
