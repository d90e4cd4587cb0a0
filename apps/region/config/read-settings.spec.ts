import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from './read-settings.js';

const key = Buffer.alloc(32, 7).toString('base64');
const token = 'a-token-of-enough-characters';
const certificates = fileURLToPath(new URL('../../../test/rim/certificates', import.meta.url));
const certificate = join(certificates, 'localhost.pem');
const certificateKey = join(certificates, 'localhost-key.pem');
const good = {
  ATOLL_REGION: 'us',
  ATOLL_POSTGRES_URL: 'postgres://atoll:pa55word@127.0.0.1:7440/atoll',
  ATOLL_KAFKA: 'us=127.0.0.1:7450;eu=127.0.0.1:7501,127.0.0.1:7502',
  ATOLL_PEERS: 'eu=127.0.0.1:7511',
  ATOLL_HTTP: '127.0.0.1:7410',
  ATOLL_GRPC: '127.0.0.1:7420',
  ATOLL_CONFIG: '/etc/atoll.config.js',
  ATOLL_PEER_KEYS: `us=${key};eu=${key}`,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const file = join(folder, 'file.yaml');
  await writeFile(file, text);
  return file;
}

describe('the settings of a region process', () => {
  it('come from the environment, with defaults', async () => {
    const settings = await readSettings(good);
    expect(settings).toMatchObject({
      region: 'us',
      http: { host: '127.0.0.1', port: 7410 },
      advertise: '127.0.0.1:7420',
      shards: 16,
      tokens: [],
      kafkaDriver: 'platformatic',
      kafkaRecords: 'packs',
      mutationRetentionHours: 24,
    });
    expect(settings.kafka.get('eu')).toEqual(['127.0.0.1:7501', '127.0.0.1:7502']);
    expect(settings.peers).toEqual(new Map([['eu', ['127.0.0.1:7511']]]));
    expect([...settings.peerKeys.keys()]).toEqual(['us', 'eu']);
  });

  it('come from YAML, which the environment overrides', async () => {
    const file = await fileWith(`
region: us
postgresUrl: postgres://127.0.0.1:7440/atoll
kafka: { us: [127.0.0.1:7450], eu: 127.0.0.1:7501 }
peers: { eu: 127.0.0.1:7511 }
http: 127.0.0.1:7410
grpc: 127.0.0.1:7420
shards: 8
config: /etc/atoll.config.js
peerKeys: { us: ${key}, eu: ${key} }
tokens: [{ token: ${token}, role: admin, name: ops }]
`);
    const settings = await readSettings({ ATOLL_SETTINGS: file, ATOLL_SHARDS: '32' });
    expect(settings.shards).toBe(32);
    expect(settings.kafka.get('us')).toEqual(['127.0.0.1:7450']);
    expect(settings.tokens).toEqual([{ token, role: 'admin', name: 'ops' }]);
  });

  it('take tokens from a file of their own', async () => {
    const file = await fileWith(`- { token: ${token}, role: peer, name: eu, region: eu }`);
    const settings = await readSettings({ ...good, ATOLL_TOKENS_FILE: file });
    expect(settings.tokens).toEqual([{ token, role: 'peer', name: 'eu', region: 'eu' }]);
  });

  it('secure the cluster of each region, or of all that are not named, by files', async () => {
    const secret = await fileWith('pa55word\n');
    const settings = await readSettings({
      ...good,
      ATOLL_KAFKA_TLS: `{ eu: { ca: ${certificate}, cert: ${certificate}, key: ${certificateKey} }, "*": {} }`,
      ATOLL_KAFKA_SASL: `{ eu: { mechanism: plain, username: atoll, passwordFile: ${secret} } }`,
      ATOLL_KAFKA_REPLICATION_FACTOR: '3',
    });
    const pem = expect.stringContaining('-----BEGIN');
    expect(settings.kafkaSecurity).toEqual(
      new Map([
        ['us', { tls: {} }],
        [
          'eu',
          {
            tls: { ca: pem, cert: pem, key: pem },
            sasl: { mechanism: 'plain', username: 'atoll', password: 'pa55word' },
          },
        ],
      ]),
    );
    expect(settings.kafkaReplicationFactor).toBe(3);
    expect((await readSettings(good)).kafkaSecurity.size).toBe(0);
  });

  it('refuse a file that holds no certificate', async () => {
    const ca = await fileWith('certainly not');
    const refused = readSettings({ ...good, ATOLL_KAFKA_TLS: `{ us: { ca: ${ca} } }` });
    await expect(refused).rejects.toThrow(/ATOLL_KAFKA_TLS: .* no usable PEM/);
  });

  it.each([
    ['ATOLL_REGION', 'US!', /ATOLL_REGION: .*not "US!"; for example ATOLL_REGION=us/],
    ['ATOLL_REGION', '', /ATOLL_REGION is missing; for example ATOLL_REGION=us/],
    ['ATOLL_HTTP', '7410', /ATOLL_HTTP: must be host:port.*for example ATOLL_HTTP=127\.0\.0\.1:7410/],
    ['ATOLL_GRPC', '127.0.0.1:99999', /ATOLL_GRPC: must be host:port/],
    ['ATOLL_KAFKA', 'us', /ATOLL_KAFKA: must be a list of region=value/],
    ['ATOLL_KAFKA', 'us=nowhere', /ATOLL_KAFKA: us\.0 must be host:port/],
    ['ATOLL_KAFKA', 'us=a:1;us=b:1', /ATOLL_KAFKA: names region 'us' twice/],
    ['ATOLL_KAFKA', 'eu=127.0.0.1:1', /ATOLL_KAFKA has no brokers of the own region 'us'/],
    ['ATOLL_PEERS', 'ap=127.0.0.1:7511', /ATOLL_PEERS names \[ap\], but ATOLL_KAFKA names \[eu\]/],
    ['ATOLL_PEER_KEYS', `us=${key}`, /ATOLL_PEER_KEYS has no key for eu/],
    ['ATOLL_PEER_KEYS', 'us=short;eu=short', /ATOLL_PEER_KEYS: us must be base64 of at least 16 bytes/],
    ['ATOLL_SHARDS', '0', /ATOLL_SHARDS: must be a whole number from 1 to 1024, not "0"/],
    ['ATOLL_SHARDS', 'many', /ATOLL_SHARDS: must be a whole number/],
    ['ATOLL_MUTATION_RETENTION_HOURS', '1', /ATOLL_MUTATION_RETENTION_HOURS: .* from 24 to/],
    ['ATOLL_KAFKA_DRIVER', 'librdkafka', /ATOLL_KAFKA_DRIVER: /],
    ['ATOLL_STRONG_MEMBERS', 'us=boss', /ATOLL_STRONG_MEMBERS: us /],
    ['ATOLL_STRONG_MEMBERS', 'us=home;mars=home', /ATOLL_STRONG_MEMBERS names mars, which/],
    ['ATOLL_STRONG_MEMBERS', 'us=witness', /ATOLL_STRONG_MEMBERS has no region that may be a home/],
    [
      'ATOLL_TOKENS',
      '[{ token: short, role: read, name: a }]',
      /ATOLL_TOKENS: 0\.token must have at least 22/,
    ],
    ['ATOLL_TOKENS', `[{ token: ${token}, role: peer, name: a }]`, /ATOLL_TOKENS: must name the region/],
    ['ATOLL_POSTGRES_URL', 'postgres://db/atoll?sslmode=require', /takes sslmode=verify-full/],
    [
      'ATOLL_POSTGRES_URL',
      'postgres://db/atoll?sslrootcert=/nowhere/ca',
      /sslrootcert: cannot read \/nowhere/,
    ],
    ['ATOLL_KAFKA_REPLICATION_FACTOR', '0', /ATOLL_KAFKA_REPLICATION_FACTOR: .* from 1 to 15/],
    ['ATOLL_KAFKA_TLS', '{', /ATOLL_KAFKA_TLS: is neither YAML nor JSON/],
    ['ATOLL_KAFKA_TLS', '{ us: { cert: /a } }', /ATOLL_KAFKA_TLS: us needs cert and key together/],
    ['ATOLL_KAFKA_TLS', '{ us: { insecure: true } }', /ATOLL_KAFKA_TLS: .*insecure/],
    ['ATOLL_KAFKA_TLS', '{ mars: {} }', /ATOLL_KAFKA_TLS names mars, which ATOLL_KAFKA does not/],
    ['ATOLL_KAFKA_TLS', '{ us: { ca: /nowhere/ca } }', /ATOLL_KAFKA_TLS: cannot read \/nowhere\/ca/],
    ['ATOLL_KAFKA_SASL', '{ us: { mechanism: magic, username: a, password: b } }', /ATOLL_KAFKA_SASL: us/],
    ['ATOLL_KAFKA_SASL', '{ us: { mechanism: plain, username: a } }', /us needs password or passwordFile/],
    [
      'ATOLL_KAFKA_SASL',
      '{ "*": { mechanism: plain, username: a, password: b } }',
      /plain sends the password to us, eu as it is: set ATOLL_KAFKA_TLS too/,
    ],
    ['ATOLL_TOKENS', '[{', /ATOLL_TOKENS: is neither YAML nor JSON/],
    ['ATOLL_TOKENS_FILE', '/nowhere/tokens', /ATOLL_TOKENS_FILE: cannot read \/nowhere\/tokens/],
    ['ATOLL_SETTINGS', '/nowhere/settings', /ATOLL_SETTINGS: cannot read/],
  ])('name the bad key: %s=%s', async (name, value, message) => {
    await expect(readSettings({ ...good, [name]: value })).rejects.toThrow(message);
  });

  it('name every bad key at once', async () => {
    const refused = readSettings({ ...good, ATOLL_SHARDS: 'x', ATOLL_HTTP: 'y' });
    await expect(refused).rejects.toThrow(/ATOLL_HTTP: [^]*\nATOLL_SHARDS: /);
  });

  it('refuse a key of the file that nobody knows', async () => {
    const file = await fileWith('regoin: us');
    await expect(readSettings({ ...good, ATOLL_SETTINGS: file })).rejects.toThrow(/regoin .*no such key/);
  });

  it('ask where siblings reach a process that listens on every address', async () => {
    await expect(readSettings({ ...good, ATOLL_GRPC: '0.0.0.0:7420' })).rejects.toThrow(
      /ATOLL_ADVERTISE is missing/,
    );
  });

  it('never repeat a secret', async () => {
    const refused = readSettings({
      ...good,
      ATOLL_POSTGRES_URL: 'mysql://atoll:pa55word@db',
      ATOLL_TOKENS: '[{ token: hush-hush, role: read, name: a }]',
      ATOLL_KAFKA_SASL: '{ us: { mechanism: magic, username: a, password: hush-hush } }',
    }).catch((error: unknown) => String(error));
    expect(await refused).not.toMatch(/pa55word|hush-hush/);
  });

  it.each(['0.0.0.0:7410', '10.1.2.3:7410', '[::]:7410', 'atoll.example.org:7410'])(
    'refuse to listen on %s without tokens',
    async (address) => {
      await expect(readSettings({ ...good, ATOLL_HTTP: address })).rejects.toThrow(/no access tokens/);
      const grpc = { ATOLL_GRPC: address, ATOLL_ADVERTISE: '10.1.2.3:7420' };
      await expect(readSettings({ ...good, ...grpc })).rejects.toThrow(/no access tokens/);
      const tokens = `[{ token: ${token}, role: read, name: a }]`;
      await expect(
        readSettings({ ...good, ATOLL_HTTP: address, ATOLL_TOKENS: tokens }),
      ).resolves.toBeDefined();
    },
  );

  it.each(['127.0.0.1:0', 'localhost:7410', '[::1]:7410'])('listen on %s without tokens', async (address) => {
    await expect(readSettings({ ...good, ATOLL_HTTP: address })).resolves.toBeDefined();
  });
});
