import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DevStackError } from './errors.js';
import type { Ledger } from './ledger.js';

/** Where a dev stack's ports begin unless told otherwise. */
export const portBaseDefault = 7400;
/** Ports a stack may use, counted from its base. */
export const portBlockSize = 300;
/** Seven regions have 42 ordered pairs and 84 link ports, which fit between base+100 and base+199. */
export const regionsMax = 7;

/** Ports of one region, on 127.0.0.1. HTTP and gRPC belong to the services, the rest to the stack. */
export interface RegionPorts {
  readonly http: number;
  readonly grpc: number;
  readonly postgres: number;
  readonly kafka: number;
  readonly kafkaController: number;
  /** By peer region: the broker's listener behind the link from that peer. */
  readonly kafkaFromPeer: Readonly<Record<string, number>>;
}

export interface LinkPorts {
  readonly from: string;
  readonly to: string;
  readonly kafka: number;
  readonly grpc: number;
}

export interface PortPlan {
  readonly base: number;
  readonly console: number;
  readonly regions: Readonly<Record<string, RegionPorts>>;
  readonly links: readonly LinkPorts[];
}

/** Every ordered pair of two different regions, in a fixed order. */
function orderedPairs(regions: readonly string[]): { from: string; to: string }[] {
  return regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => ({ from, to })));
}

/** Lays out the ports of a stack from its base. Pure. */
export function planPorts(regions: readonly string[], base: number): PortPlan {
  const ofRegion = (region: string, index: number): [string, RegionPorts] => {
    const ownBlock = base + 200 + index * 10;
    const peers = regions.flatMap((peer, peerIndex) =>
      peer === region ? [] : [[peer, ownBlock + 1 + peerIndex] as const],
    );
    const ports = {
      http: base + 10 + index,
      grpc: base + 20 + index,
      postgres: base + 40 + index,
      kafka: base + 50 + index,
      kafkaController: ownBlock,
      kafkaFromPeer: Object.fromEntries(peers),
    };
    return [region, ports];
  };
  return {
    base,
    console: base,
    regions: Object.fromEntries(regions.map(ofRegion)),
    links: orderedPairs(regions).map((pair, index) => ({
      ...pair,
      kafka: base + 100 + 2 * index,
      grpc: base + 101 + 2 * index,
    })),
  };
}

/** True when nobody listens on the port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once('error', () => resolve(false));
  probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  return promise;
}

function portsOf(plan: PortPlan): { port: number; use: string }[] {
  const regions = Object.entries(plan.regions).flatMap(([region, ports]) => [
    { port: ports.http, use: `HTTP of ${region}` },
    { port: ports.grpc, use: `gRPC of ${region}` },
    { port: ports.postgres, use: `Postgres of ${region}` },
    { port: ports.kafka, use: `Kafka of ${region}` },
    { port: ports.kafkaController, use: `the Kafka controller of ${region}` },
    ...Object.entries(ports.kafkaFromPeer).map(([peer, port]) => ({
      port,
      use: `Kafka of ${region} for ${peer}`,
    })),
  ]);
  const links = plan.links.flatMap(({ from, to, kafka, grpc }) => [
    { port: kafka, use: `the Kafka link ${from}->${to}` },
    { port: grpc, use: `the gRPC link ${from}->${to}` },
  ]);
  return [{ port: plan.console, use: 'the console' }, ...regions, ...links];
}

async function firstInUse(plan: PortPlan): Promise<{ port: number; use: string } | undefined> {
  const all = portsOf(plan);
  const free = await Promise.all(all.map(({ port }) => isFree(port)));
  return all.find((_, index) => free[index] === false);
}

/** The directory of the lock files: one for all users where that is possible, because ports are for all users. */
function lockDirectory(): string {
  const common = join(tmpdir(), 'atoll-ports');
  try {
    mkdirSync(common, { recursive: true });
    chmodSync(common, 0o1777);
    return common;
  } catch (error) {
    // Somebody else made it, and with it the right mode.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return common;
    const own = `${common}-${userInfo().uid}`;
    mkdirSync(own, { recursive: true });
    return own;
  }
}

/** Blocks are locked by the hundreds of ports they touch, so that overlapping blocks collide as they must. */
export function lockPaths(base: number): string[] {
  const directory = lockDirectory();
  const first = Math.floor(base / 100);
  const last = Math.floor((base + portBlockSize - 1) / 100);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    join(directory, `${(first + index) * 100}.lock`),
  );
}

/** Locks all hundreds of a block or none. */
async function lockBlock(ledger: Ledger, base: number): Promise<boolean> {
  const taken: string[] = [];
  for (const path of lockPaths(base)) {
    const ours = await ledger.lock(path).catch(() => false);
    if (!ours) {
      for (const one of taken) ledger.unlock(one);
      return false;
    }
    taken.push(path);
  }
  return true;
}

function unlockBlock(ledger: Ledger, base: number): void {
  for (const path of lockPaths(base)) ledger.unlock(path);
}

/**
 * Reserves the ports of a stack: at `portBase`, or, when that is 0, in the first free block between 10000 and 32500
 * (below the range from which the kernel gives ports to outgoing connections).
 */
export async function reservePorts(options: {
  readonly regions: readonly string[];
  readonly portBase: number;
  readonly ledger: Ledger;
}): Promise<PortPlan> {
  const { regions, portBase, ledger } = options;
  return portBase === 0 ? reserveFreeBlock(regions, ledger) : reserveBlockAt(regions, portBase, ledger);
}

async function reserveBlockAt(regions: readonly string[], base: number, ledger: Ledger): Promise<PortPlan> {
  const elsewhere = 'stop it, or choose another block with --port-base N';
  if (!(await lockBlock(ledger, base))) {
    const range = `${base} to ${base + portBlockSize - 1}`;
    throw new DevStackError('port_in_use', `another dev stack holds the ports ${range}: ${elsewhere}`);
  }
  const plan = planPorts(regions, base);
  const busy = await firstInUse(plan);
  if (busy !== undefined) {
    throw new DevStackError(
      'port_in_use',
      `port ${busy.port} (${busy.use}) is used by another program: ${elsewhere}`,
    );
  }
  return plan;
}

async function reserveFreeBlock(regions: readonly string[], ledger: Ledger): Promise<PortPlan> {
  const blocks = Array.from({ length: 75 }, (_, index) => 10_000 + index * portBlockSize);
  // Starting anywhere spreads runs that begin together, and keeps late clients of a dead stack off the next one.
  const start = Math.floor(Math.random() * blocks.length);
  for (const base of [...blocks.slice(start), ...blocks.slice(0, start)]) {
    if (!(await lockBlock(ledger, base))) continue;
    const plan = planPorts(regions, base);
    if ((await firstInUse(plan)) === undefined) return plan;
    unlockBlock(ledger, base);
  }
  throw new DevStackError('port_in_use', 'no free block of ports between 10000 and 32500');
}
