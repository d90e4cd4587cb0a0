import type { RegionPorts } from './ports.js';

/** The largest record batch a broker takes, in bytes. */
export const messageBytesMax = 4 * 1024 * 1024;

/** A listener of a broker: where it listens, and what address it tells clients that came in there. */
interface Listener {
  readonly name: string;
  readonly port: number;
  readonly advertisedPort: number;
}

export interface BrokerAddresses {
  readonly ports: RegionPorts;
  /** By peer region: the port of the link proxy through which that peer reaches this broker. */
  readonly linkPortFromPeer: Readonly<Record<string, number>>;
}

/** `FROM_EU` for the peer `eu`: a client that comes in over the link is sent back over the link. */
function listenerName(peer: string): string {
  return `FROM_${peer.toUpperCase().replaceAll('-', '_')}`;
}

function listenersOf({ ports, linkPortFromPeer }: BrokerAddresses): Listener[] {
  const local = { name: 'LOCAL', port: ports.kafka, advertisedPort: ports.kafka };
  const peers = Object.entries(ports.kafkaFromPeer).map(([peer, port]) => ({
    name: listenerName(peer),
    port,
    advertisedPort: linkPortFromPeer[peer] ?? port,
  }));
  return [local, ...peers];
}

const sizes = {
  // One consumer group or transaction at a time needs one partition; 50 of each would only slow the first use.
  'offsets.topic.num.partitions': 1,
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'message.max.bytes': messageBytesMax,
  'replica.fetch.max.bytes': messageBytesMax,
  'num.network.threads': 2, // per listener
  'num.io.threads': 4,
  'background.threads': 2,
  'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024, // of 128 MiB by default, taken from the heap at once
  'log.index.size.max.bytes': 1024 * 1024,
};

const timing = {
  'group.initial.rebalance.delay.ms': 0,
  // With these two, a broker killed with -9 takes a produce again after 4 s instead of 13.
  'broker.session.timeout.ms': 2000,
  'broker.heartbeat.interval.ms': 300,
  // The only voter need not wait for anybody.
  'controller.quorum.election.timeout.ms': 300,
  'controller.quorum.fetch.timeout.ms': 600,
};

/** The contents of `server.properties` for a region's broker and controller in one process. */
export function serverProperties(addresses: BrokerAddresses, logDirectory: string): string {
  const listeners = listenersOf(addresses);
  const controllerPort = addresses.ports.kafkaController;
  const at = (name: string, port: number): string => `${name}://127.0.0.1:${port}`;
  const names = [...listeners.map(({ name }) => name), 'CONTROLLER'];
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: [
      ...listeners.map(({ name, port }) => at(name, port)),
      at('CONTROLLER', controllerPort),
    ].join(),
    'advertised.listeners': listeners.map(({ name, advertisedPort }) => at(name, advertisedPort)).join(),
    'listener.security.protocol.map': names.map((name) => `${name}:PLAINTEXT`).join(),
    'inter.broker.listener.name': 'LOCAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': logDirectory,
    'auto.create.topics.enable': false,
    ...sizes,
    ...timing,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
