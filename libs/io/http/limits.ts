/**
 * How much one request may ask for. Each has a reason; all are told in the OpenAPI description and in `detail` when they
 * are met. Lengths are in UTF-16 code units, as JavaScript counts them.
 */

/** One change becomes one event, which must fit a Kafka record (1 MiB by default) with room for its context. */
export const bodyBytesMax = 1024 * 1024;
/** A batch is many changes: as much as one process should hold for one client at a time. */
export const batchBodyBytesMax = 8 * 1024 * 1024;
/** One request over gRPC: a batch, and what its message adds to the JSON in it. */
export const messageBytesMax = batchBodyBytesMax + 1024 * 1024;
/** What one event may do: folding it must stay a matter of milliseconds. */
export const operationsMax = 1_000;
/** About what one group commit takes. */
export const batchChangesMax = 500;
/** Entities of one `get`: one database round trip with an answer of a few megabytes at most. */
export const getManyIdsMax = 500;
/** Deeper than any honest document, far below what overflows the stack of a recursive reader. */
export const jsonDepthMax = 64;
/** Rows of one page of a list. */
export const pageSizeMax = 1_000;
export const pageSizeDefault = 100;
/** How far a history can be paged into: offsets cost the database what they skip. */
export const offsetMax = 1_000_000;
/** All headers of a request together: a session token over many shards is the longest thing in them. */
export const headerBytesMax = 64 * 1024;
/** A session token (at most the cursors of all shards) leaves room for the other headers. */
export const sessionLengthMax = 48 * 1024;
/** Positions of the changes feed and barrier tokens hold cursors of all shards too. */
export const tokenLengthMax = 48 * 1024;

/** How long a request may wait, when it says so, and when it does not. Beyond it, load balancers give up first. */
export const maxWaitMillisMax = 30_000;
export const maxWaitMillisDefault = 5_000;
/** A client that has not sent its whole request by then is cut off, so that slow senders cannot hold connections. */
export const requestReceiveMillisMax = 15_000;
/** What is waited for is given up so much before `Atoll-Max-Wait` ends, or a tenth of it where that is less: the refusal has to be made yet. */
export const refusalAheadMillis = 20;
/** A typed answer is given so much before a gRPC client's own deadline, or a tenth of it where that is less: it has to get there. */
export const answerAheadMillis = 100;
/** Codes that may succeed later say when at the earliest. */
export const retryAfterSeconds = 1;
/** Requests under way beyond the wait they asked for are answered `deadline_exceeded`. */
export const handlingGraceMillis = 2_000;

/** Feeds one process serves at a time, over HTTP and gRPC: each holds a connection and a buffer. */
export const feedClientsMax = 256;
/** A feed without news says so, so that proxies and clients know that it lives. */
export const feedHeartbeatMillis = 10_000;
/** What is written to one gRPC feed and not taken by its connection yet; one notice more where it is larger. */
export const feedBufferBytesMax = 256 * 1024;
/** A feed's client that takes nothing for this long is dropped; it resumes from its last position. */
export const feedStallMillisMax = 30_000;
