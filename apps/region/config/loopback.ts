import { isIPv4 } from 'node:net';

/** Whether only programs on this machine can reach an address. A name other than localhost is taken for an outside one. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIPv4(host) && host.startsWith('127.');
}

/** Whether an address to listen on stands for all addresses of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}
