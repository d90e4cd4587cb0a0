import { randomBytes } from 'node:crypto';
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  Wait,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers';
import { createRegionClient, type RegionClient } from '#client/region-client.js';

/** What regions must agree on. */
export interface Membership {
  readonly regions: readonly string[];
  /** Values of ATOLL_TOKENS and ATOLL_PEER_KEYS. */
  readonly tokens: string;
  readonly peerKeys: string;
  readonly adminToken: string;
}

/** One region in containers: its own network with Postgres, Kafka and the service, and a way out to the other regions. */
export interface Site {
  readonly client: RegionClient;
  /** Takes the region off the network between the regions; inside it, everything goes on. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  logs(): Promise<string>;
  stop(): Promise<void>;
}

const startMillisMax = 120_000;
const httpPort = 7410;

export function newMembership(regions: readonly string[]): Membership {
  const secret = (): string => randomBytes(24).toString('base64url');
  const adminToken = secret();
  const tokens = [
    { token: adminToken, role: 'admin', name: 'suite' },
    ...regions.map((region) => ({ token: secret(), role: 'peer', name: region, region })),
  ];
  return {
    regions,
    adminToken,
    tokens: JSON.stringify(tokens),
    peerKeys: regions.map((region) => `${region}=${randomBytes(32).toString('base64')}`).join(';'),
  };
}

/** The network between regions: nothing else goes over it, and nothing leaves it. */
export async function createBetween(): Promise<{ readonly name: string; remove(): Promise<void> }> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  const name = `atoll-between-${randomBytes(4).toString('hex')}`;
  const network = await dockerode.createNetwork({ Name: name, Internal: true });
  return { name, remove: () => network.remove() };
}

export async function startSite(region: string, between: string, membership: Membership): Promise<Site> {
  const network = await new Network().start();
  const parts: StartedTestContainer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.stop({ timeout: 5 })));
    await network.stop();
  };
  try {
    const password = randomBytes(18).toString('base64url');
    const [postgres, kafka] = await Promise.all([
      startPostgres(network, password),
      startKafka(region, network),
    ]);
    parts.push(postgres, kafka);
    await connect(between, kafka, `kafka-${region}`);
    const service = await startService({ region, network, password, membership });
    parts.push(service);
    await connect(between, service, `region-${region}`);
    return siteOf({ region, between, kafka, service, membership, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly region: string;
  readonly between: string;
  readonly kafka: StartedTestContainer;
  readonly service: StartedTestContainer;
  readonly membership: Membership;
  readonly stop: () => Promise<void>;
}

function siteOf({ region, between, kafka, service, membership, stop }: Parts): Site {
  const url = `http://${service.getHost()}:${service.getMappedPort(httpPort)}`;
  const client = createRegionClient({ region, url, token: membership.adminToken });
  return {
    client,
    async cut() {
      await disconnect(between, service);
      await disconnect(between, kafka);
    },
    async heal() {
      await connect(between, kafka, `kafka-${region}`);
      await connect(between, service, `region-${region}`);
    },
    async logs() {
      const stream = await service.logs({ tail: 60 });
      const timeout = AbortSignal.timeout(2_000); // the stream follows the container, it does not end by itself
      timeout.addEventListener('abort', () => stream.destroy(), { once: true });
      const chunks: string[] = [];
      stream.on('data', (chunk: Buffer | string) => chunks.push(chunk.toString()));
      await new Promise((resolve) => stream.once('close', resolve));
      return chunks.join('');
    },
    async stop() {
      client.close();
      await stop();
    },
  };
}

function startPostgres(network: StartedNetwork, password: string): Promise<StartedTestContainer> {
  return new GenericContainer('atoll-postgres:local')
    .withNetwork(network)
    .withNetworkAliases('postgres')
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withWaitStrategy(Wait.forHealthCheck())
    .withStartupTimeout(startMillisMax)
    .start();
}

function startKafka(region: string, network: StartedNetwork): Promise<StartedTestContainer> {
  const listeners = `LOCAL://kafka.local:9092,PEERS://kafka-${region}:9094`;
  return new GenericContainer('atoll-kafka:local')
    .withNetwork(network)
    .withNetworkAliases('kafka.local')
    .withEnvironment({ KAFKA_ADVERTISED_LISTENERS: listeners })
    .withWaitStrategy(Wait.forHealthCheck())
    .withStartupTimeout(startMillisMax)
    .start();
}

interface Service {
  readonly region: string;
  readonly network: StartedNetwork;
  readonly password: string;
  readonly membership: Membership;
}

function startService({ region, network, password, membership }: Service): Promise<StartedTestContainer> {
  const others = membership.regions.filter((other) => other !== region);
  const kafka = [`${region}=kafka.local:9092`, ...others.map((other) => `${other}=kafka-${other}:9094`)];
  return new GenericContainer('atoll-region:local')
    .withNetwork(network)
    .withNetworkAliases('region.local')
    .withEnvironment({
      ATOLL_REGION: region,
      ATOLL_POSTGRES_URL: `postgres://atoll:${password}@postgres:5432/atoll`,
      ATOLL_KAFKA: kafka.join(';'),
      ATOLL_PEERS: others.map((other) => `${other}=region-${other}:7420`).join(';'),
      ATOLL_ADVERTISE: 'region.local:7420',
      ATOLL_TOKENS: membership.tokens,
      ATOLL_PEER_KEYS: membership.peerKeys,
    })
    .withExposedPorts(httpPort)
    .withWaitStrategy(Wait.forHttp('/readyz', httpPort).forStatusCode(200))
    .withStartupTimeout(startMillisMax)
    .start();
}

async function connect(network: string, container: StartedTestContainer, alias: string): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  await dockerode
    .getNetwork(network)
    .connect({ Container: container.getId(), EndpointConfig: { Aliases: [alias] } });
}

async function disconnect(network: string, container: StartedTestContainer): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  await dockerode.getNetwork(network).disconnect({ Container: container.getId(), Force: true });
}
