import type { BadRequest } from './bad-request.js';

export interface GrpcRequest {
  readonly method: string;
  readonly request: object;
  readonly headers: Readonly<Record<string, string>>;
}

interface Body {
  readonly operations?: readonly Readonly<Record<string, unknown>>[];
  readonly observed?: string;
  readonly changes?: readonly Readonly<Record<string, unknown>>[];
  readonly ids?: readonly string[];
}

/**
 * The same request over gRPC; `undefined` where gRPC has no such thing: a body that is no JSON, keys that a message does
 * not have, names of the wrong kind, routes.
 */
export function overGrpc({ method = 'POST', url, headers = {}, body }: BadRequest): GrpcRequest | undefined {
  const { pathname, search } = new URL(url.replace(/%E0.*/, ''), 'http://region');
  const [, version, entities, type = '', id, verb] = pathname.split('/').map(decodeURIComponent);
  const isOfHttp = 'content-type' in headers || 'content-encoding' in headers;
  if (version !== 'v1' || entities !== 'entities' || search !== '' || isOfHttp) return undefined;
  const entity = { type, id };
  if (method === 'GET')
    return asked(
      id === undefined ? 'listEntities' : 'getEntity',
      id === undefined ? { type } : entity,
      headers,
    );
  if (typeof body !== 'string' || !isPlain(body)) return undefined;
  if (method === 'PATCH') return asked('patchEntity', { ...entity, fieldsJson: body }, headers);
  if (method === 'DELETE') return undefined;
  const parsed = JSON.parse(body) as Body;
  if (id === 'get' && verb === undefined) return asked('getEntities', { type, ids: parsed.ids }, headers);
  return change(entity, parsed, headers);
}

function asked(method: string, request: object, headers: GrpcRequest['headers']): GrpcRequest {
  return { method, request, headers };
}

function change(
  entity: object,
  { operations, observed, ...rest }: Body,
  headers: GrpcRequest['headers'],
): GrpcRequest | undefined {
  if (Object.keys(rest).length > 0 || !Array.isArray(operations)) return undefined;
  if (operations.some(({ field }) => typeof field !== 'string')) return undefined;
  const messages = operations.map(({ field, op, ...args }) => ({
    field,
    op,
    argumentsJson: JSON.stringify(args),
  }));
  return asked('changeEntity', { ...entity, operations: messages, observed }, headers);
}

/** Whether nothing of it is lost when it is parsed and written again. */
function isPlain(body: string): boolean {
  try {
    const parsed: unknown = JSON.parse(body);
    const unstable = /e999|\d{16}/.test(body);
    return (
      !unstable && JSON.stringify(parsed) === body && typeof parsed === 'object' && !Array.isArray(parsed)
    );
  } catch {
    return false;
  }
}
