import { randomUUID } from 'node:crypto';
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Observable } from 'rxjs';
import type { Call } from '#io/http/call.js';
import { feedStallMillisMax } from '#io/http/limits.js';
import * as requests from '#io/http/requests.js';
import { readBy } from '#io/http/validation.js';
import type { Answer } from '../api/answer.js';
import type { Feed } from '../api/feed.js';
import type { RegionApi } from '../api/region-api.js';
import { GRPC_CALLS, REGION_API } from '../wiring/tokens.js';
import { FeedWriter } from './feed-writer.js';
import type { AnyCall, GrpcCalls } from './grpc-calls.js';
import { noticeMessage } from './messages.js';

type Stream = ServerWritableStream<unknown, unknown>;

/** The feed and the operators' reports of `atoll.v1.Atoll`. */
@Controller()
export class ReportsGrpcController {
  constructor(
    @Inject(REGION_API) private readonly api: RegionApi,
    @Inject(GRPC_CALLS) private readonly calls: GrpcCalls,
  ) {}

  /** The next notice is read when the client has taken enough of those before. */
  @GrpcMethod('Atoll')
  followChanges(request: object, metadata: Metadata, call: Stream): Observable<object> {
    const requestId = randomUUID();
    return new Observable((subscriber) => {
      const fail = (thrown: unknown): void => subscriber.error(this.calls.exceptionOf(thrown, requestId));
      let feed: Feed | undefined;
      try {
        this.calls.admit('read', metadata, call, requestId);
        const writer = new FeedWriter(call, feedStallMillisMax);
        feed = this.api.follow(readBy(requests.changesQuery, request, '/query'), (notice) =>
          writer.write(noticeMessage(notice)),
        );
        feed.started.then(
          () => call.sendMetadata(this.calls.initialMetadata(requestId)),
          () => undefined,
        );
        feed.ended.then(() => subscriber.complete(), fail);
      } catch (thrown) {
        fail(thrown);
      }
      return () => feed?.stop();
    });
  }

  @GrpcMethod('Atoll')
  getTopology(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.topology());
  }

  @GrpcMethod('Atoll')
  getLinks(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.links());
  }

  @GrpcMethod('Atoll')
  getShards(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.shards());
  }

  @GrpcMethod('Atoll')
  getQuarantine(request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async () =>
      this.api.quarantine(readBy(requests.quarantineQuery, request, '/query').limit),
    );
  }

  @GrpcMethod('Atoll')
  getSlo(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.slo());
  }

  @GrpcMethod('Atoll')
  getMembers(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.members());
  }

  @GrpcMethod('Atoll')
  changeMembers(request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async (asked) =>
      this.api.changeMembers(asked, readBy(requests.membersRequest, request, '')),
    );
  }

  @GrpcMethod('Atoll')
  getRefused(request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async () =>
      this.api.refused(readBy(requests.quarantineQuery, request, '/query').limit),
    );
  }

  @GrpcMethod('Atoll')
  handOver(request: { readonly shard?: number }, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async (asked) => {
      const { shard, ...rest } = request;
      const number = readBy(requests.shardNumber, shard ?? 0, '/shard');
      return this.api.handover(asked, number, readBy(requests.handoverRequest, rest, ''));
    });
  }

  @GrpcMethod('Atoll')
  getTypes(_request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, () => this.api.typeStanding());
  }

  @GrpcMethod('Atoll')
  moveType(request: { readonly type?: string }, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async (asked) => {
      const { type, ...rest } = request;
      const name = readBy(requests.typeName, type ?? '', '/type');
      return this.api.moveType(asked, name, readBy(requests.moveTypeRequest, rest, ''));
    });
  }

  @GrpcMethod('Atoll')
  drainRights(request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async (asked) =>
      this.api.drainRights(asked, readBy(requests.drainRightsRequest, request, '')),
    );
  }

  @GrpcMethod('Atoll')
  reclaimRights(request: object, metadata: Metadata, call: AnyCall) {
    return this.report(metadata, call, async (asked) =>
      this.api.reclaimRights(asked, readBy(requests.reclaimRightsRequest, request, '')),
    );
  }

  private report(
    metadata: Metadata,
    call: AnyCall,
    work: (asked: Call) => Promise<Answer<unknown>>,
  ): Promise<object> {
    return this.calls.unary('admin', metadata, call, async (asked) => ({
      body: { json: JSON.stringify((await work(asked)).body) },
    }));
  }
}
