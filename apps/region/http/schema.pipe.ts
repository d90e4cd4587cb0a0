import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { readBy } from '#io/http/validation.js';

/** Where a wrong value lies, for the paths of field errors: a body's are JSON pointers into it. */
const roots: Readonly<Record<ArgumentMetadata['type'], string>> = {
  body: '',
  query: '/query',
  param: '/path',
  custom: '',
};

/**
 * Validates controllers' parameters by the schema that is given with them (`@Body({ schema })`), which also describes them
 * in OpenAPI. Instead of Nest's StandardSchemaValidationPipe, for typed errors with paths and without a promise.
 */
@Injectable()
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const schema = metadata.schema as z.ZodType | undefined;
    if (schema === undefined) return value;
    const root =
      metadata.data === undefined ? roots[metadata.type] : `${roots[metadata.type]}/${metadata.data}`;
    return readBy(schema, value, root);
  }
}
