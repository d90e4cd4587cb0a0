import type { FastifyReply, FastifyRequest } from 'fastify';
import { AtollError } from '#core/errors.js';
import type { Ticket } from '#flow/accept/admission.js';
import type { Caller } from '#io/http/bearer-tokens.js';
import { readCall, type Call } from '#io/http/call.js';

/** A Fastify request, with what the rim found out about it. */
export interface RimRequest extends FastifyRequest {
  caller?: Caller;
  call?: Call;
  ticket?: Ticket;
}

export type RimReply = FastifyReply;

/** Reads the call's headers once. @throws AtollError */
export function callOf(request: RimRequest): Call {
  if (request.method === 'DELETE' && request.body !== undefined && request.body !== null) {
    throw new AtollError('invalid_request', 'DELETE takes no body.');
  }
  const { id: requestId, caller } = request;
  const names = Object.keys(request.headers);
  request.call ??= readCall({ requestId, caller, names, header: (name) => headerOf(request, name) });
  return request.call;
}

export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
