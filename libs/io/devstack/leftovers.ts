import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { DevStack, StackDescriptor } from './dev-stack.js';
import { lockPaths } from './ports.js';
import { descendants, identify, isAlive, type ProcessIdentity } from './processes.js';

async function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

function portsOf({ regions }: StackDescriptor): number[] {
  const links = regions.flatMap(({ kafkaBrokersFrom, grpcFrom }) =>
    [...Object.values(kafkaBrokersFrom).flat(), ...Object.values(grpcFrom)].map((address) =>
      Number(address.split(':')[1]),
    ),
  );
  const servers = regions.flatMap(({ ports }) => [
    ports.postgres,
    ports.kafka,
    ports.kafkaController,
    ...Object.values(ports.kafkaFromPeer),
  ]);
  return [...servers, ...links];
}

/** What a stack has left behind: nothing, if all is well. */
export async function leftovers(
  descriptor: StackDescriptor,
  processes: readonly ProcessIdentity[],
): Promise<string[]> {
  const living = processes.filter(isAlive).map(({ pid }) => `process ${pid}`);
  const open: string[] = [];
  for (const port of portsOf(descriptor)) if (await isListening(port)) open.push(`port ${port}`);
  const locks = lockPaths(descriptor.portBase).filter((path) => existsSync(path));
  const directory = dirname(descriptor.controlSocket);
  return [...living, ...open, ...locks, ...(existsSync(directory) ? [directory] : [])];
}

/** Every process of a stack: its servers and all that is below them. */
export async function processesOf(stack: {
  regions: DevStack['regions'];
  pid: DevStack['pid'];
}): Promise<ProcessIdentity[]> {
  const pids = await Promise.all(
    stack.regions.flatMap(({ region }) => [stack.pid(region, 'postgres'), stack.pid(region, 'kafka')]),
  );
  const servers = pids.flatMap((pid) => (pid === undefined ? [] : (identify(pid) ?? [])));
  return [...servers, ...descendants(servers)];
}
