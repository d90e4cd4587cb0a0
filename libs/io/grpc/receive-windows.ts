import { subscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/**
 * What may be on its way to this process on one connection, and of one call, before it is read. In bytes.
 *
 * HTTP/2 begins with 64 KiB of each, and they are given back once per turn of the event loop: from a process that is busy
 * for 50 ms a turn, a client gets 1.3 MB a second, and over a link of 80 ms there and back 0.8, whatever both could do.
 * The rest waits where nobody counts it: no limit of ours sees it, and nothing of it is refused in time.
 *
 * Wide in one direction of a connection only. Node stops reading a connection while a write to it is under way, so two processes of
 * Node that both have more on its way than sockets hold (some megabytes on one machine, a tenth of that on a new connection
 * between two) wait for each other for ever. Every connection that is served is wide; a client makes its own direction wide
 * only where it sends little. Source: `Http2Session::MaybeStopReading` in Node's `src/node_http2.cc`.
 */
export const connectionWindowBytes = 8 * 1024 * 1024;
export const streamWindowBytes = 1024 * 1024;

/** Of a connection with much on its way in both directions: less than sockets hold, and over 80 ms there and back 3 MB a second. */
export const narrowWindowBytes = 256 * 1024;

let isListening = false;

/**
 * Gives every HTTP/2 connection that this process serves those windows, from its first call on. grpc-js has an option for
 * them on the side of clients alone (`grpc-node.flow_control_window`), so this listens to what Node says of its streams.
 */
export function widenReceiveWindows(): void {
  if (isListening) return;
  isListening = true;
  const widened = new WeakSet<ServerHttp2Session>();
  subscribe('http2.server.stream.created', (message) => {
    const { session } = (message as { readonly stream: ServerHttp2Stream }).stream;
    if (session === undefined || widened.has(session as ServerHttp2Session)) return;
    widened.add(session as ServerHttp2Session);
    (session as ServerHttp2Session).setLocalWindowSize(connectionWindowBytes);
    session.settings({ initialWindowSize: streamWindowBytes });
  });
}
