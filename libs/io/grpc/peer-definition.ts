import { join } from 'node:path';
import type { ChannelOptions, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';
import { protoRoot } from './proto-path.js';
import { connectionWindowBytes, narrowWindowBytes } from './receive-windows.js';

/** int64 as number: every count of ours is a safe integer, and the codecs refuse what is not. */
export const peerLoaderOptions: Options = {
  keepCase: false,
  longs: Number,
  defaults: true,
  arrays: true,
  objects: true,
};

export function peerProtoPath(): string {
  return join(protoRoot(), 'atoll/peer/v1/peer.proto');
}

let loaded: ServiceDefinition | undefined;

export function peerServiceDefinition(): ServiceDefinition {
  loaded ??= loadSync(peerProtoPath(), peerLoaderOptions)['atoll.peer.v1.Peer'] as ServiceDefinition;
  return loaded;
}

/** A fetch and a forwarded command are smaller; a message beyond this is refused before it is read whole. In bytes. */
export const peerMessageBytesMax = 16 * 1024 * 1024;

/**
 * How soon a link that swallows everything is noticed by whoever sends over it: no sign of life for the first time, no answer to
 * the ping within the second. In milliseconds.
 */
const keepaliveMillis = 2000;
const keepaliveAnswerMillis = 2000;

/**
 * How soon a server gives a caller up. Nothing waits for that but memory, and it ends every call of the connection without a word: a
 * client, or the server itself, may be too busy to look at an answer for seconds.
 */
const callerAnswerMillis = 20_000;

const both: ChannelOptions = {
  'grpc.max_receive_message_length': peerMessageBytesMax,
  'grpc.max_send_message_length': peerMessageBytesMax,
};

/** For a server that serves peers, whoever makes it: a dead caller's stream ends by itself. */
export const peerServerOptions: ChannelOptions = {
  ...both,
  'grpc.keepalive_time_ms': keepaliveMillis,
  'grpc.keepalive_timeout_ms': callerAnswerMillis,
};

/** To a process of the own region: commands go out and answers come in, much of both (see `connectionWindowBytes`). */
export const siblingChannelOptions: ChannelOptions = {
  ...both,
  'grpc.keepalive_time_ms': keepaliveMillis,
  'grpc.keepalive_timeout_ms': keepaliveAnswerMillis,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0, // callers know better what may be repeated
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000, // 2 minutes by default: a healed link must be found soon
  'grpc.use_local_subchannel_pool': 1,
};

/** To a process of another region: strong commands and what answers them, much of both, over a long link. */
export const peerChannelOptions: ChannelOptions = {
  ...siblingChannelOptions,
  'grpc-node.flow_control_window': narrowWindowBytes,
};

/**
 * For fetching from a process of another region: many events come in, and little goes out. Whoever waits for a vote or a
 * strong command does not wait behind them.
 */
export const fetchChannelOptions: ChannelOptions = {
  ...siblingChannelOptions,
  'grpc-node.flow_control_window': connectionWindowBytes,
};

export const authorizationKey = 'authorization';
/** The region that calls. The token must be that region's. */
export const regionKey = 'atoll-region';
/** On an error that a handler meant to be told: its code. */
export const errorCodeKey = 'atoll-error-code';
