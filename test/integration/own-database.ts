import { randomBytes } from 'node:crypto';
import type { StackDescriptor } from '#io/devstack/stack.js';
import { administer } from './administer.js';

/** A database of a suite's own on a region's shared server. */
export class OwnDatabase {
  private constructor(
    readonly url: string,
    private readonly name: string,
    private readonly serverUrl: string,
  ) {}

  static async created(stack: StackDescriptor, region: string): Promise<OwnDatabase> {
    const serverUrl = stack.regions.find((one) => one.region === region)?.postgresUrl;
    if (serverUrl === undefined) throw new Error(`the stack has no region ${region}`);
    const name = `suite_${randomBytes(6).toString('hex')}`;
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    await administer(serverUrl, `create database ${name}`);
    return new OwnDatabase(url.href, name, serverUrl);
  }

  drop(): Promise<void> {
    return administer(this.serverUrl, `drop database ${this.name} with (force)`);
  }
}
