import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { tlsOptionsOf, type ClusterSasl, type ClusterSecurity, type ClusterTls } from '#io/kafka/cluster.js';
import { SettingsError } from './settings-error.js';
import { keys, type SaslLogin, type TlsFiles } from './settings.js';

/** How clusters are secured, by region or `*`, as the settings say it: with names of files. */
export interface SecuritySettings {
  readonly kafkaTls: ReadonlyMap<string, TlsFiles>;
  readonly kafkaSasl: ReadonlyMap<string, SaslLogin>;
}

/** What cannot be meant, in sentences. */
export function securityContradictions(
  { kafkaTls, kafkaSasl }: SecuritySettings,
  regions: readonly string[],
): readonly string[] {
  const strangers = ([env, map]: readonly [string, ReadonlyMap<string, unknown>]): string[] => {
    const unknown = [...map.keys()].filter((name) => name !== '*' && !regions.includes(name));
    return unknown.length === 0 ? [] : [`${env} names ${unknown.join(', ')}, which ATOLL_KAFKA does not`];
  };
  const open = regions.filter(
    (region) => of(kafkaSasl, region)?.mechanism === 'plain' && of(kafkaTls, region) === undefined,
  );
  return [
    ...[[keys.kafkaTls.env, kafkaTls] as const, [keys.kafkaSasl.env, kafkaSasl] as const].flatMap(strangers),
    ...(open.length === 0
      ? []
      : [
          `ATOLL_KAFKA_SASL: plain sends the password to ${open.join(', ')} as it is: set ATOLL_KAFKA_TLS too, for example ATOLL_KAFKA_TLS=${keys.kafkaTls.example}, or use scram-sha-512`,
        ]),
  ];
}

/** Reads the files, for each region that has any. @throws SettingsError */
export async function readSecurity(
  { kafkaTls, kafkaSasl }: SecuritySettings,
  regions: readonly string[],
): Promise<ReadonlyMap<string, ClusterSecurity>> {
  const read = new Map<string, ClusterSecurity>();
  for (const region of regions) {
    const [files, login] = [of(kafkaTls, region), of(kafkaSasl, region)];
    if (files === undefined && login === undefined) continue;
    read.set(region, {
      ...(files === undefined ? {} : { tls: await readTls(files) }),
      ...(login === undefined ? {} : { sasl: await readSasl(login) }),
    });
  }
  return read;
}

/** The files that a database's URL names are there: else `pg` would say so at each try to connect. @throws SettingsError */
export async function checkPostgresFiles(postgresUrl: string): Promise<void> {
  const { searchParams } = new URL(postgresUrl);
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
    const file = searchParams.get(name);
    if (file !== null) await readText(file, `${keys.postgresUrl.env}: ${name}`);
  }
}

function of<T>(map: ReadonlyMap<string, T>, region: string): T | undefined {
  return map.get(region) ?? map.get('*');
}

async function readTls({ ca, cert, key }: TlsFiles): Promise<ClusterTls> {
  const { env } = keys.kafkaTls;
  const text = (file: string | undefined): Promise<string | undefined> =>
    file === undefined ? Promise.resolve(undefined) : readText(file, env);
  const tls: ClusterTls = { ca: await text(ca), cert: await text(cert), key: await text(key) };
  try {
    // Node takes anything for a CA and believes nobody then.
    if (tls.ca !== undefined) new X509Certificate(tls.ca);
    createSecureContext(tlsOptionsOf(tls));
  } catch (error) {
    const files = [ca, cert, key].filter((file) => file !== undefined).join(', ');
    throw new SettingsError(`${env}: ${files} hold no usable PEM: ${(error as Error).message}`);
  }
  return tls;
}

async function readSasl({ mechanism, username, password, passwordFile }: SaslLogin): Promise<ClusterSasl> {
  if (password !== undefined) return { mechanism, username, password };
  const { env } = keys.kafkaSasl;
  const found = (await readText(passwordFile ?? '', env)).trim();
  if (found === '') throw new SettingsError(`${env}: ${passwordFile ?? ''} is empty`);
  return { mechanism, username, password: found };
}

async function readText(file: string, from: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SettingsError(`${from}: cannot read ${file}: ${(error as Error).message}`);
  }
}
