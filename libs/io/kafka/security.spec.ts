import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hasNames } from './cluster.js';
import { kafkajsDriver } from './kafkajs-driver.js';
import { platformaticDriver } from './platformatic-driver.js';
import type { KafkaSettings } from './settings.js';

const pem = (name: string): string =>
  readFileSync(new URL(`../../../test/rim/certificates/${name}`, import.meta.url), 'utf8');
const [cert, key] = [pem('localhost.pem'), pem('localhost-key.pem')];

const apiVersions = 18;
/** For correlation id 0: no error, and of all requests the handshake of SASL in versions 0 and 1. */
const versions = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0]);

/** A broker as far as the first words: it asks for a certificate, says what it knows, and notes what it is told. */
class Greeter {
  readonly sockets: TLSSocket[] = [];
  told = '';
  private readonly server: Server;

  private constructor() {
    this.server = createServer({ cert, key, ca: [cert], requestCert: true, rejectUnauthorized: false });
    this.server.on('tlsClientError', () => undefined);
    this.server.on('secureConnection', (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => this.hear(socket, bytes));
    });
  }

  static async listening(): Promise<Greeter> {
    const greeter = new Greeter();
    greeter.server.listen(0, '127.0.0.1');
    await once(greeter.server, 'listening');
    return greeter;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private hear(socket: TLSSocket, bytes: Buffer): void {
    this.told += bytes.toString('latin1');
    if (bytes.readInt16BE(4) !== apiVersions) return;
    const answer = Buffer.from(versions);
    bytes.copy(answer, 0, 8, 12);
    const size = Buffer.alloc(4);
    size.writeInt32BE(answer.length);
    socket.write(Buffer.concat([size, answer]));
  }
}

const settings = { region: 'us', brokers: {}, shards: 1, clientId: 'test' };
const drivers = {
  kafkajs: kafkajsDriver({ ...settings, driver: 'kafkajs' } satisfies KafkaSettings),
  platformatic: platformaticDriver({ ...settings, driver: 'platformatic' } satisfies KafkaSettings),
};

const open: Greeter[] = [];
afterEach(() => {
  for (const greeter of open.splice(0)) greeter.close();
});
const listening = async (): Promise<Greeter> => {
  const greeter = await Greeter.listening();
  open.push(greeter);
  return greeter;
};

describe.each(Object.entries(drivers))('a secured cluster, by %s,', (_name, driver) => {
  it.each(['localhost', '127.0.0.1'])(
    'is believed at %s by its CA, shown our certificate, and told how we prove ourselves',
    async (host) => {
      const greeter = await listening();
      const sasl = { mechanism: 'scram-sha-512', username: 'atoll', password: 'pa55word' } as const;
      const cluster = { brokers: [`${host}:${greeter.port}`], tls: { ca: cert, cert, key }, sasl };
      const asked = driver.ranges(cluster, ['topic']).catch((error: unknown) => error);
      await vi.waitFor(() => expect(greeter.told).toContain('SCRAM-SHA-512'), { timeout: 5_000 });
      expect(greeter.sockets[0]?.authorized).toBe(true);
      expect(greeter.told).not.toContain('pa55word');
      greeter.close();
      expect(await asked).toBeInstanceOf(Error);
    },
    20_000,
  );

  it('is told nothing where nobody vouches for it', async () => {
    const greeter = await listening();
    const cluster = { brokers: [`localhost:${greeter.port}`], tls: {} };
    await expect(driver.ranges(cluster, ['topic'])).rejects.toThrow();
    expect(greeter.told).toBe('');
  }, 20_000);
});

it('asks brokers for their names in the handshake, unless they are addresses', () => {
  expect(hasNames({ brokers: ['kafka-1:9094', 'kafka-2:9094'] })).toBe(true);
  expect(hasNames({ brokers: ['127.0.0.1:9094'] })).toBe(false);
  expect(hasNames({ brokers: ['[::1]:9094'] })).toBe(false);
});
