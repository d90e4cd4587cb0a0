import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { parseJson } from '#core/parse-json.js';
import type { LinkControls, LinkStatus } from '../faults/region-link.js';
import { findRegion, regionsOf, type DevStack, type StackDescriptor } from './dev-stack.js';
import { DevStackError, type DevStackErrorCode } from './errors.js';
import { holderDirectory } from './ledger.js';
import { lockPaths, portBaseDefault } from './ports.js';

/** The file in a stack's run directory that describes it to other processes. */
export const descriptorFile = 'stack.json';

const requestBytesMax = 64 * 1024;

interface Call {
  readonly method: 'kill' | 'start' | 'pid' | 'grpcTarget' | 'link';
  readonly args: readonly unknown[];
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > requestBytesMax) throw new DevStackError('bad_option', 'the request is too long');
  }
  return text;
}

const linkMethods = new Set(['setDelay', 'setBandwidth', 'cut', 'heal', 'reset', 'status']);

async function carryOut(stack: DevStack, { method, args }: Call): Promise<unknown> {
  if (method === 'link') {
    const [from, to, name, ...rest] = args as [string, string, keyof LinkControls, ...unknown[]];
    if (!linkMethods.has(name)) throw new DevStackError('not_found', `links have no control "${name}"`);
    const control = stack.link(from, to)[name] as (...given: unknown[]) => Promise<unknown>;
    return control(...rest);
  }
  const controls = { kill: stack.kill, start: stack.start, pid: stack.pid, grpcTarget: stack.grpcTarget };
  const control = controls[method] as ((...given: readonly unknown[]) => Promise<unknown>) | undefined;
  if (control === undefined) throw new DevStackError('not_found', `stacks have no control "${method}"`);
  return control(...args);
}

/** Serves the stack's controls to other processes of this user; gives back how to end that. */
export async function serveControls(stack: DevStack): Promise<() => Promise<void>> {
  const server = createServer((message, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    bodyOf(message)
      .then((text) => carryOut(stack, parseJson(text) as Call))
      .then((result) => answer(200, { result }))
      .catch((error: unknown) => {
        const code = error instanceof DevStackError ? error.code : 'bad_option';
        answer(400, { code, message: error instanceof Error ? error.message : String(error) });
      });
  });
  server.listen(stack.descriptor.controlSocket);
  await once(server, 'listening');
  chmodSync(stack.descriptor.controlSocket, 0o600);
  return async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
}

async function call(socketPath: string, { method, args }: Call): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const post = request({ socketPath, method: 'POST', path: '/', agent: false }, resolve);
  post.once('error', (cause) =>
    reject(new DevStackError('not_found', 'the dev stack is not running any more', { cause })),
  );
  post.end(JSON.stringify({ method, args }));
  const response = await promise;
  const body = parseJson(await bodyOf(response)) as {
    result?: unknown;
    code?: DevStackErrorCode;
    message?: string;
  };
  if (response.statusCode === 200) return body.result;
  throw new DevStackError(body.code ?? 'not_found', body.message ?? 'the dev stack gave no reason');
}

/** A stack that another process started, by its descriptor. It has every control except to stop. */
export function attachStack(descriptor: StackDescriptor): DevStack {
  const regions = regionsOf(descriptor);
  const ask = (method: Call['method'], ...args: unknown[]) =>
    call(descriptor.controlSocket, { method, args });
  const tell = async (method: Call['method'], ...args: unknown[]): Promise<void> => {
    await ask(method, ...args);
  };
  return {
    descriptor,
    regions,
    region: (name) => findRegion(regions, name, descriptor),
    link: (from, to) => ({
      from,
      to,
      setDelay: (delay) => tell('link', from, to, 'setDelay', delay),
      // An absent argument stays absent; in JSON `undefined` would become null.
      setBandwidth: (...limit) =>
        tell('link', from, to, 'setBandwidth', ...limit.filter((one) => one !== undefined)),
      cut: (direction = 'both', options = {}) => tell('link', from, to, 'cut', direction, options),
      heal: () => tell('link', from, to, 'heal'),
      reset: () => tell('link', from, to, 'reset'),
      status: async () => (await ask('link', from, to, 'status')) as LinkStatus,
    }),
    kill: (region, part) => tell('kill', region, part),
    start: (region, part) => tell('start', region, part),
    pid: async (region, part) => (await ask('pid', region, part)) as number | undefined,
    grpcTarget: (region, port) => tell('grpcTarget', region, port),
  };
}

/** The running stack of this user that holds the ports from `portBase`; throws `not_found` when there is none. */
export function findStack(portBase: number = portBaseDefault): DevStack {
  const directory = holderDirectory(lockPaths(portBase)[0] ?? '');
  if (directory !== undefined) {
    try {
      const descriptor = parseJson(readFileSync(join(directory, descriptorFile), 'utf8')) as StackDescriptor;
      if (descriptor.portBase === portBase) return attachStack(descriptor);
    } catch {
      // Still starting, already stopping, or another user's.
    }
  }
  throw new DevStackError(
    'not_found',
    `no dev stack runs at port base ${portBase}: start one with \`atoll dev\``,
  );
}
