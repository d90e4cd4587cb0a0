import { AtollError, type ErrorCode } from '#core/errors.js';
import { errorCatalogue } from './error-catalogue.js';
import { grpcStatusNumbers } from './error-entry.js';

const intro = `# Errors

Every error is a problem by RFC 9457 (\`application/problem+json\`) over HTTP, and a rich status over gRPC
(\`google.rpc.Status\` in \`grpc-status-details-bin\`: \`ErrorInfo\` with the code as \`reason\` and \`retryable\`, \`requestId\` and
\`region\` as metadata; \`BadRequest\` with the field errors). Both carry the same members:

- \`code\`: one of the codes below; programs decide by it.
- \`detail\`: what happened this time, for people.
- \`retryable\`: whether the same request may succeed later, unchanged. Send retries of a write with the same mutation id.
- \`requestId\`, \`region\`: for support.
- \`errors\`: \`[{ path, code, detail }]\`, one per wrong place in the body; \`path\` is a JSON pointer.

Every retryable error says how many seconds to wait at least: \`Retry-After\` over HTTP, \`retry-after\` in the trailing metadata over gRPC.

Overload is answered by \`overloaded\`, before anything is done: where as many requests, bytes of bodies or commands are under way as a
process takes, and where a command would wait much longer than a second because more comes than can be done. A batch is then refused
as a whole, or its outcomes say which of its changes were. A client that sets a gRPC deadline gets the typed answer a moment
before it. What has no code is not the region's answer but the gRPC library's: a connection that broke, or a deadline that passed on the
way. Take it for \`unavailable\`.

An error never leaves a request half done. Only \`deadline_exceeded\`, \`unavailable\`, \`internal\` and \`rights_lapsed\` leave it open
whether a write took effect; a retry with the same mutation id finds out. \`acks_incomplete\` says that it did.

This page is generated from the catalogue in \`libs/io/wire/error-catalogue.ts\`; its test writes it anew with \`vitest -u\`.
`;

/** docs/reference/errors.md: one section per code, in the order of the catalogue. */
export function renderErrorsPage(): string {
  const sections = (Object.keys(errorCatalogue) as ErrorCode[]).map(renderEntry);
  return `${intro}\n${sections.join('\n')}`;
}

function renderEntry(code: ErrorCode): string {
  const { httpStatus, grpcStatus, title, meaning, whatToDo } = errorCatalogue[code];
  const { retryable } = new AtollError(code, title);
  return [
    `## ${code}`,
    '',
    `${title}. HTTP ${httpStatus}, gRPC ${grpcStatus} (${grpcStatusNumbers[grpcStatus]}), ${retryable ? 'retryable' : 'not retryable'}.`,
    '',
    meaning,
    '',
    `What to do: ${whatToDo}`,
    '',
  ].join('\n');
}
