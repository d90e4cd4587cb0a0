import { z } from 'zod';
import { shardsDefault, shardsMax } from '#core/event/shard-of.js';
import { limitsDefault } from '#flow/limits.js';
import { saslMechanisms, type ClusterSecurity } from '#io/kafka/cluster.js';

/** Where something listens or is reached. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export const roles = ['read', 'write', 'admin', 'peer'] as const;
/** `read` ⊂ `write` ⊂ `admin`; `peer` is for other regions and allows nothing else. */
export type Role = (typeof roles)[number];

export interface AccessToken {
  readonly token: string;
  readonly role: Role;
  /** Whose it is, for logs and the audit. */
  readonly name: string;
  /** Of a peer's token: the region it speaks for. */
  readonly region?: string | undefined;
}

/** Deployment facts of one process of a region, from environment or YAML. */
export interface Settings {
  readonly region: string;
  readonly postgresUrl: string;
  /** Brokers per region, as seen from here. */
  readonly kafka: ReadonlyMap<string, readonly string[]>;
  /** gRPC endpoints of the processes of each other region, as seen from here. */
  readonly peers: ReadonlyMap<string, readonly string[]>;
  /** With port 0 the system picks one, and the ready line says which. */
  readonly http: Endpoint;
  readonly grpc: Endpoint;
  /** Where other processes of this region reach this one. */
  readonly advertise: string;
  readonly shards: number;
  /** Path of the module whose default export is `defineAtoll(...)`. */
  readonly config: string;
  readonly tokens: readonly AccessToken[];
  /** MAC key per member, own region included. */
  readonly peerKeys: ReadonlyMap<string, Uint8Array>;
  /** How each region's cluster is secured; absent: it is not. With what the files hold. */
  readonly kafkaSecurity: ReadonlyMap<string, ClusterSecurity>;
  /** Copies of each partition of a topic that this process creates; absent: as the cluster has it by default. */
  readonly kafkaReplicationFactor?: number | undefined;
  readonly kafkaDriver: 'kafkajs' | 'platformatic';
  /** Whether one Kafka record may carry a run of events, or each has its own, for other readers of the topic. */
  readonly kafkaRecords: 'packs' | 'events';
  readonly mutationRetentionHours: number;
  /** What clients may have under way in this process together; beyond it `overloaded`. */
  readonly requestsMax: number;
  readonly requestMebibytesMax: number;
  readonly commandQueueMax: number;
  /** Who decides in strong shards until that is changed: `home` may be the home of a shard, `witness` never. Absent: all. */
  readonly strongMembers?: ReadonlyMap<string, 'home' | 'witness'> | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

const mebibyte = 1024 * 1024;

/** Shorter tokens and keys can be guessed: 128 bits at six bits a character, and 128 bits. */
const tokenLengthMin = 22;
const keyBytesMin = 16;
/** Two of the largest batches; and what one process can hold at all. */
const requestMebibytesMin = 16;
const requestMebibytesMost = 4_096;
/** An outage of a long weekend must not outlive the records that make retries safe; a year would only fill tables. */
const retentionHoursMin = 24;
const retentionHoursMax = 24 * 366;

const regionName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and -, starting with a letter or digit');

const hostPort = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/;

function readEndpoint(text: string): Endpoint | undefined {
  const [, host, port] = hostPort.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const address = z
  .string()
  .refine((text) => (readEndpoint(text)?.port ?? 0) > 0, 'must be host:port with a port of 1 to 65535');

function listening(portMin: 0 | 1): z.ZodType<Endpoint, string> {
  return z.string().transform((text, context): Endpoint => {
    const endpoint = readEndpoint(text);
    if (endpoint !== undefined && endpoint.port >= portMin) return endpoint;
    context.addIssue(`must be host:port with a port of ${portMin} to 65535`);
    return z.NEVER;
  });
}

/** `us=a;eu=b`, or the same as an object in YAML. */
function perRegion<Output>(
  value: z.ZodType<Output, unknown>,
): z.ZodType<ReadonlyMap<string, Output>, unknown> {
  const fromText = z.string().transform((text, context) => {
    const pairs = text.split(';').filter((part) => part.trim() !== '');
    const record = new Map<string, string>();
    for (const pair of pairs) {
      const cut = pair.indexOf('=');
      const region = pair.slice(0, Math.max(cut, 0)).trim();
      if (cut < 0) context.addIssue('must be a list of region=value, separated by semicolons');
      else if (record.has(region)) context.addIssue(`names region '${region}' twice`);
      else record.set(region, pair.slice(cut + 1).trim());
    }
    return Object.fromEntries(record);
  });
  return z
    .union([fromText, z.record(z.string(), z.unknown())])
    .pipe(z.record(regionName, value))
    .transform((record) => new Map(Object.entries(record)));
}

const addresses = z
  .union([z.string().transform((text) => text.split(',').map((part) => part.trim())), z.array(z.string())])
  .pipe(z.array(address).min(1));

const macKey = z.string().transform((text, context): Uint8Array => {
  const bytes = Buffer.from(text, 'base64');
  const spelled = text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '');
  if (bytes.length >= keyBytesMin && bytes.toString('base64').replace(/=+$/, '') === spelled) return bytes;
  context.addIssue(`must be base64 of at least ${keyBytesMin} bytes`);
  return z.NEVER;
});

export const tokenList = z
  .array(
    z.strictObject({
      token: z
        .string()
        .min(tokenLengthMin, `must have at least ${tokenLengthMin} characters`)
        .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces'),
      role: z.enum(roles),
      name: z.string().min(1).max(64),
      region: regionName.optional(),
    }),
  )
  .refine((list) => new Set(list.map(({ token }) => token)).size === list.length, 'holds a token twice')
  .refine(
    (list) => list.every(({ role, region }) => (role === 'peer') === (region !== undefined)),
    'must name the region of each peer token, and of no other',
  );

function wholeNumber(min: number, max: number): z.ZodType<number, unknown> {
  const range = `must be a whole number from ${min} to ${max}`;
  return z
    .union([z.string().regex(/^\d+$/, range).transform(Number), z.number()], range)
    .pipe(z.number().int(range).min(min, range).max(max, range));
}

/** For each region's cluster, or for all that are not named: `*`. */
function perCluster<Output>(value: z.ZodType<Output>): z.ZodType<ReadonlyMap<string, Output>> {
  return z
    .record(z.union([regionName, z.literal('*')]), value)
    .transform((record) => new Map(Object.entries(record)));
}

const file = z.string().min(1);
const tlsFiles = z
  .strictObject({ ca: file.optional(), cert: file.optional(), key: file.optional() })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'needs cert and key together');
export type TlsFiles = z.output<typeof tlsFiles>;

const saslLogin = z
  .strictObject({
    mechanism: z.enum(saslMechanisms),
    username: z.string().min(1),
    password: z.string().min(1).optional(),
    passwordFile: file.optional(),
  })
  .refine(
    ({ password, passwordFile }) => (password === undefined) !== (passwordFile === undefined),
    'needs password or passwordFile',
  );
export type SaslLogin = z.output<typeof saslLogin>;

/** What `pg` makes of the other modes is about to change: whoever wants encryption says that the server is to prove itself. */
const sslModes = ['disable', 'verify-full'];
const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\/\S+$/, 'must be a postgres:// URL')
  .refine((text) => URL.canParse(text), 'must be a postgres:// URL')
  .refine((text) => {
    const mode = URL.canParse(text) ? new URL(text).searchParams.get('sslmode') : null;
    return mode === null || sslModes.includes(mode);
  }, 'takes sslmode=verify-full (with sslrootcert=FILE where the system does not know the CA) or disable');

interface Key {
  readonly env: string;
  readonly example: string;
  readonly schema: z.ZodType;
  /** What it is for, in a sentence of the reference page. */
  readonly what: string;
  /** Its value is never shown. */
  readonly secret?: boolean;
  /** In the environment it is YAML, of which JSON is a part. */
  readonly yaml?: boolean;
}

/** Every key, once: its names in the environment and (the property's name) in YAML, its shape, and an example for the error. */
export const keys = {
  region: {
    env: 'ATOLL_REGION',
    example: 'us',
    schema: regionName,
    what: 'Name of the region; its database belongs to it for ever',
  },
  postgresUrl: {
    env: 'ATOLL_POSTGRES_URL',
    example: 'postgres://atoll:secret@127.0.0.1:7440/atoll',
    schema: postgresUrl,
    secret: true,
    what: "The region's database. For TLS add `?sslmode=verify-full`, `&sslrootcert=FILE` for a CA of your own, `&sslcert=FILE&sslkey=FILE` for a client certificate",
  },
  kafka: {
    env: 'ATOLL_KAFKA',
    example: 'us=127.0.0.1:7450;eu=127.0.0.1:7501',
    schema: perRegion(addresses),
    what: 'Brokers of every region as seen from here, own region included; several of one region with commas',
  },
  kafkaTls: {
    env: 'ATOLL_KAFKA_TLS',
    example: '{ us: { ca: /etc/atoll/us-ca.pem }, eu: {} }',
    schema: perCluster(tlsFiles).default(new Map()),
    yaml: true,
    what: "TLS to the clusters named, `*` for all others: PEM files `ca` (without it, the system's), `cert` and `key` for a client certificate. Names in certificates are always checked",
  },
  kafkaSasl: {
    env: 'ATOLL_KAFKA_SASL',
    example: '{ "*": { mechanism: scram-sha-512, username: atoll, passwordFile: /run/secrets/kafka } }',
    schema: perCluster(saslLogin).default(new Map()),
    yaml: true,
    secret: true,
    what: 'Credentials for the clusters named, `*` for all others: `mechanism` (`plain`, only over TLS, `scram-sha-256` or `scram-sha-512`), `username`, and `password` or `passwordFile`',
  },
  kafkaReplicationFactor: {
    env: 'ATOLL_KAFKA_REPLICATION_FACTOR',
    example: '3',
    schema: wholeNumber(1, 15).optional(),
    what: "Copies of each partition of the topics that this process creates; without it, the cluster's default",
  },
  peers: {
    env: 'ATOLL_PEERS',
    example: 'eu=127.0.0.1:7511;ap=127.0.0.1:7513',
    schema: perRegion(addresses).default(new Map()),
    what: 'gRPC addresses of the processes of each other region, as seen from here',
  },
  http: {
    env: 'ATOLL_HTTP',
    example: '127.0.0.1:7410',
    schema: listening(0),
    what: 'Where HTTP is served. Anything but loopback needs tokens',
  },
  grpc: {
    env: 'ATOLL_GRPC',
    example: '127.0.0.1:7420',
    schema: listening(1),
    what: 'Where gRPC is served, to clients, other regions and other processes of this one',
  },
  advertise: {
    env: 'ATOLL_ADVERTISE',
    example: '127.0.0.1:7420',
    schema: address.optional(),
    what: 'Where other processes of this region reach this one by gRPC; without it, as ATOLL_GRPC',
  },
  shards: {
    env: 'ATOLL_SHARDS',
    example: String(shardsDefault),
    schema: wholeNumber(1, shardsMax).default(shardsDefault),
    what: 'How many shards there are: the same in all regions, and fixed when the first database is made',
  },
  config: {
    env: 'ATOLL_CONFIG',
    example: '/etc/atoll/atoll.config.js',
    schema: z.string().min(1),
    what: 'The compiled module whose default export is `defineAtoll(…)`',
  },
  tokens: {
    env: 'ATOLL_TOKENS',
    example: '[{ token: 6d1c…, role: write, name: cart-service }]',
    schema: tokenList.default([]),
    secret: true,
    yaml: true,
    what: 'Bearer tokens and their roles (`read` ⊂ `write` ⊂ `admin`; `peer` with the `region` that it speaks for), or `ATOLL_TOKENS_FILE`, a file of the same',
  },
  peerKeys: {
    env: 'ATOLL_PEER_KEYS',
    example: 'us=<base64 of 32 random bytes>;eu=<base64 of 32 random bytes>',
    schema: perRegion(macKey),
    secret: true,
    what: 'The key that each region signs its records with, the same list in all regions',
  },
  kafkaDriver: {
    env: 'ATOLL_KAFKA_DRIVER',
    example: 'platformatic',
    schema: z.enum(['platformatic', 'kafkajs']).default('platformatic'),
    what: 'Which client speaks to Kafka: `platformatic` or `kafkajs`',
  },
  kafkaRecords: {
    env: 'ATOLL_KAFKA_RECORDS',
    example: 'packs',
    schema: z.enum(['packs', 'events']).default('packs'),
    what: 'Whether a record may carry a run of events (`packs`), or each event has its own, for other readers of the topics (`events`)',
  },
  mutationRetentionHours: {
    env: 'ATOLL_MUTATION_RETENTION_HOURS',
    example: '24',
    schema: wholeNumber(retentionHoursMin, retentionHoursMax).default(retentionHoursMin),
    what: 'How long a mutation id is remembered, and a retry of it is known',
  },
  requestsMax: {
    env: 'ATOLL_REQUESTS_MAX',
    example: String(limitsDefault.requestsMax),
    schema: wholeNumber(1, 1_000_000).default(limitsDefault.requestsMax),
    what: 'Requests of clients that this process works on at a time, over HTTP and gRPC together, feeds included; beyond it `overloaded`. Operators get in all the same',
  },
  requestMebibytesMax: {
    env: 'ATOLL_REQUEST_MEBIBYTES_MAX',
    example: String(limitsDefault.requestBytesMax / mebibyte),
    schema: wholeNumber(requestMebibytesMin, requestMebibytesMost).default(
      limitsDefault.requestBytesMax / mebibyte,
    ),
    what: 'MiB of their bodies that it reads or works on at a time; what becomes of them takes several times as much memory. Beyond it `overloaded`',
  },
  commandQueueMax: {
    env: 'ATOLL_COMMAND_QUEUE_MAX',
    example: String(limitsDefault.commandQueueMax),
    schema: wholeNumber(1, 1_000_000).default(limitsDefault.commandQueueMax),
    what: 'Commands that wait to be decided in this process; beyond it `overloaded`. While more comes than it can do, it takes only as many as it does in a second',
  },
  strongMembers: {
    env: 'ATOLL_STRONG_MEMBERS',
    example: 'us=home;eu=home;ap=witness',
    schema: perRegion(z.enum(['home', 'witness'])).optional(),
    what: 'Who decides in strong shards until `atoll region` changes it; without it, all regions',
  },
  logLevel: {
    env: 'ATOLL_LOG_LEVEL',
    example: 'info',
    schema: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    what: 'The least that is logged, one JSON object per line on standard error; lines of the audit always are',
  },
} as const satisfies Readonly<Record<string, Key>>;

export type KeyName = keyof typeof keys;
