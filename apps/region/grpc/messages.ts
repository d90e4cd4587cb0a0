import { AtollError } from '#core/errors.js';
import type { Json } from '#core/json.js';
import type {
  ConflictAnswer,
  EntityAnswer,
  HistoryAnswer,
  ListedEntity,
  NoticeAnswer,
} from '#io/http/answers.js';
import { readJson } from '#io/http/json-body.js';
import { bodyBytesMax, jsonDepthMax } from '#io/http/limits.js';

/** An operation as proto/atoll/v1/atoll.proto has it. */
export interface OperationMessage {
  readonly field: string;
  readonly op: string;
  readonly argumentsJson: string;
}

/**
 * JSON text inside a message, with the limits and checks that a body has over HTTP.
 *
 * @param levelsAbove how deep it would lie in a body
 * @throws AtollError with paths below `path`
 */
export function readJsonField(text: string, path: string, levelsAbove = 0): Json {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > bodyBytesMax)
    throw new AtollError('too_large', `A change may have ${bodyBytesMax} bytes.`);
  try {
    return readJson(bytes, jsonDepthMax - levelsAbove);
  } catch (error) {
    if (!(error instanceof AtollError)) throw error;
    const fields = error.fields.map((field) => ({ ...field, path: path + field.path }));
    throw new AtollError(error.code, error.message, { fields, cause: error });
  }
}

/** `{ field, op, …arguments }`, as it would stand in a body. @throws AtollError */
export function readOperations(messages: readonly OperationMessage[], path: string): Json[] {
  // As deep as it would lie in a body: an object or array per step of the path, and the body itself.
  const levelsAbove = path.split('/').length;
  const bytes = messages.reduce((sum, { argumentsJson }) => sum + Buffer.byteLength(argumentsJson), 0);
  if (bytes > bodyBytesMax) throw new AtollError('too_large', `A change may have ${bodyBytesMax} bytes.`);
  return messages.map(({ field, op, argumentsJson }, at) => {
    const place = `${path}/${at}`;
    const given = argumentsJson === '' ? {} : readJsonField(argumentsJson, place, levelsAbove);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw invalid(place, 'The arguments of an operation are a JSON object.');
    }
    for (const name of ['field', 'op']) {
      if (Object.hasOwn(given, name)) throw invalid(`${place}/${name}`, `'${name}' has a field of its own.`);
    }
    return { field, op, ...given };
  });
}

function invalid(path: string, detail: string): AtollError {
  return new AtollError('invalid_request', detail, { fields: [{ path, code: 'invalid_request', detail }] });
}

export function entityMessage({ value, ...rest }: EntityAnswer | ListedEntity): object {
  return { ...rest, valueJson: JSON.stringify(value) };
}

export function historyMessage({ entries, ...rest }: HistoryAnswer): object {
  return {
    ...rest,
    entries: entries.map(({ changes, observed, ...entry }) => ({
      ...entry,
      changes: changes.map(({ change, ...field }) => ({ ...field, changeJson: JSON.stringify(change) })),
      observed: observed === null ? null : { seen: observed },
    })),
  };
}

export function conflictMessage({ low, high, ...rest }: ConflictAnswer): object {
  const side = ({ dot, change }: ConflictAnswer['low']): object => ({
    dot,
    changeJson: JSON.stringify(change),
  });
  return { ...rest, low: side(low), high: side(high) };
}

export function noticeMessage({ value, ...rest }: NoticeAnswer): { readonly valueJson: string } {
  return { ...rest, valueJson: JSON.stringify(value) };
}
