import { isIP } from 'node:net';

/** How the brokers of one cluster prove who they are, and this process to them where they ask. PEM texts. */
export interface ClusterTls {
  /** Whose certificates are believed; absent: those that the system believes. */
  readonly ca?: string | undefined;
  /** Of this process, with its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

export interface ClusterSasl {
  readonly mechanism: (typeof saslMechanisms)[number];
  readonly username: string;
  readonly password: string;
}

export interface ClusterSecurity {
  /** Absent: plain TCP. */
  readonly tls?: ClusterTls | undefined;
  /** Absent: no credentials are sent. */
  readonly sasl?: ClusterSasl | undefined;
}

/** One cluster as seen from here. */
export interface Cluster extends ClusterSecurity {
  /** `host:port` */
  readonly brokers: readonly string[];
}

/** What is given to Node's `tls.connect`: without what is absent, for Node tells apart absent and `undefined`. */
export function tlsOptionsOf({ ca, cert, key }: ClusterTls): { ca?: string[]; cert?: string; key?: string } {
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Whether brokers are known by names: an address is no name to ask for in a handshake. */
export function hasNames({ brokers }: Cluster): boolean {
  return brokers.every(
    (broker) => isIP(broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '')) === 0,
  );
}
