import type { Metadata } from '@grpc/grpc-js';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { z } from 'zod';
import { AtollError } from '#core/errors.js';
import { batchBodyBytesMax, bodyBytesMax, tokenLengthMax } from '#io/http/limits.js';
import * as requests from '#io/http/requests.js';
import { readBy } from '#io/http/validation.js';
import type { RegionApi } from '../api/region-api.js';
import { GRPC_CALLS, REGION_API } from '../wiring/tokens.js';
import type { AnyCall, GrpcCalls } from './grpc-calls.js';
import {
  entityMessage,
  conflictMessage,
  historyMessage,
  readJsonField,
  readOperations,
  type OperationMessage,
} from './messages.js';

interface EntityRequest {
  readonly type: string;
  readonly id: string;
}

interface ChangeMessage extends EntityRequest {
  readonly operations: readonly OperationMessage[];
  readonly observed?: string;
}

/** Names of entities come in the path over HTTP: wrong ones have the same paths here. */
function entityOf({ type, id }: EntityRequest): EntityRequest {
  return { type: typeOf(type), id: readBy(requests.entityId, id, '/path/id') };
}

function typeOf(type: string): string {
  return readBy(requests.typeName, type, '/path/type');
}

function readChanges(changes: readonly ChangeMessage[]): object[] {
  return changes.map(({ operations, ...change }, at) => ({
    ...change,
    operations: readOperations(operations, `/changes/${at}/operations`),
  }));
}

function checkSize(changes: readonly ChangeMessage[], bytesMax: number, what: string): void {
  const texts = changes.flatMap(({ operations }) => operations.map(({ argumentsJson }) => argumentsJson));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > bytesMax) throw new AtollError('too_large', `${what} may have ${bytesMax} bytes.`);
}

const token = z.string().min(1).max(tokenLengthMax);

/** The entity operations of `atoll.v1.Atoll`. */
@Controller()
export class AtollGrpcController {
  constructor(
    @Inject(REGION_API) private readonly api: RegionApi,
    @Inject(GRPC_CALLS) private readonly calls: GrpcCalls,
  ) {}

  @GrpcMethod('Atoll')
  getEntity(request: EntityRequest, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, async (asked) => {
      const { body, ...rest } = await this.api.get(asked, entityOf(request));
      return { ...rest, body: entityMessage(body) };
    });
  }

  @GrpcMethod('Atoll')
  listEntities(
    { type, ...page }: { readonly type: string; readonly after?: string; readonly limit?: number },
    metadata: Metadata,
    call: AnyCall,
  ) {
    return this.calls.unary('read', metadata, call, async (asked) => {
      const { body, ...rest } = await this.api.list(
        asked,
        typeOf(type),
        readBy(requests.listQuery, page, '/query'),
      );
      return { ...rest, body: { ...body, entities: body.entities.map(entityMessage) } };
    });
  }

  @GrpcMethod('Atoll')
  getEntities(
    { type, ids }: { readonly type: string; readonly ids: readonly string[] },
    metadata: Metadata,
    call: AnyCall,
  ) {
    return this.calls.unary('read', metadata, call, async (asked) => {
      const wanted = readBy(requests.getManyRequest, { ids });
      const { body, ...rest } = await this.api.getMany(asked, typeOf(type), wanted.ids);
      return { ...rest, body: { ...body, entities: body.entities.map(entityMessage) } };
    });
  }

  @GrpcMethod('Atoll')
  changeEntity({ operations, observed, ...entity }: ChangeMessage, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('write', metadata, call, async (asked) => {
      const body = { operations: readOperations(operations, '/operations'), observed };
      return this.api.change(asked, entityOf(entity), readBy(requests.changeRequest, body));
    });
  }

  @GrpcMethod('Atoll')
  patchEntity(
    { fieldsJson, ...entity }: EntityRequest & { readonly fieldsJson: string },
    metadata: Metadata,
    call: AnyCall,
  ) {
    return this.calls.unary('write', metadata, call, async (asked) => {
      const fields = readBy(requests.patchRequest, readJsonField(fieldsJson, ''));
      return this.api.patch(asked, entityOf(entity), fields);
    });
  }

  @GrpcMethod('Atoll')
  deleteEntity(request: EntityRequest, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('write', metadata, call, async (asked) =>
      this.api.remove(asked, entityOf(request)),
    );
  }

  @GrpcMethod('Atoll')
  getHistory(
    { type, id, ...page }: EntityRequest & { readonly limit?: number; readonly offset?: number },
    metadata: Metadata,
    call: AnyCall,
  ) {
    return this.calls.unary('read', metadata, call, async (asked) => {
      const { body, ...rest } = await this.api.history(
        asked,
        entityOf({ type, id }),
        readBy(requests.historyQuery, page, '/query'),
      );
      return { ...rest, body: historyMessage(body) };
    });
  }

  @GrpcMethod('Atoll')
  batch({ changes }: { readonly changes: readonly ChangeMessage[] }, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('write', metadata, call, async (asked) => {
      checkSize(changes, batchBodyBytesMax, 'A batch');
      const read = readChanges(changes);
      return this.api.batch(asked, readBy(requests.batchRequest, { changes: read }).changes);
    });
  }

  @GrpcMethod('Atoll')
  transact({ changes }: { readonly changes: readonly ChangeMessage[] }, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('write', metadata, call, async (asked) => {
      checkSize(changes, bodyBytesMax, 'An atomic change');
      const read = readChanges(changes);
      return this.api.transact(asked, readBy(requests.transactionRequest, { changes: read }).changes);
    });
  }

  @GrpcMethod('Atoll')
  listConflicts(request: object, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, async () => {
      const { body } = await this.api.conflicts(readBy(requests.conflictsQuery, request, '/query'));
      return { body: { ...body, conflicts: body.conflicts.map(conflictMessage) } };
    });
  }

  @GrpcMethod('Atoll')
  getConflict({ id }: { readonly id: string }, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, async () => {
      const { body } = await this.api.conflict(readBy(requests.conflictId, id, '/path/conflictId'));
      return { body: conflictMessage(body) };
    });
  }

  @GrpcMethod('Atoll')
  resolveConflict(
    { id, operations, observed }: Omit<ChangeMessage, 'type'>,
    metadata: Metadata,
    call: AnyCall,
  ) {
    return this.calls.unary('write', metadata, call, async (asked) => {
      const body = { operations: readOperations(operations, '/operations'), observed };
      return this.api.resolve(
        asked,
        readBy(requests.conflictId, id, '/path/conflictId'),
        readBy(requests.resolveRequest, body),
      );
    });
  }

  @GrpcMethod('Atoll')
  getWrite(request: { readonly mutationId: string }, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, async () =>
      this.api.write(readBy(requests.writeId, request.mutationId, '/path/mutationId')),
    );
  }

  @GrpcMethod('Atoll')
  createBarrier(_request: object, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, () => this.api.createBarrier());
  }

  @GrpcMethod('Atoll')
  awaitBarrier(request: { readonly token: string }, metadata: Metadata, call: AnyCall) {
    return this.calls.unary('read', metadata, call, async (asked) =>
      this.api.awaitBarrier(asked, readBy(token, request.token, '/path/token')),
    );
  }
}
