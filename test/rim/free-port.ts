import { isFree } from '#io/devstack/ports.js';

/** Below what systems give to outgoing connections: one of those could take the port before it is listened on. */
const [first, count] = [20_000, 10_000];
const triesMax = 100;

/** A port of 127.0.0.1 on which nobody listened a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const port = first + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
  throw new Error(`of ${triesMax} ports from ${first} none was free`);
}
