import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { administer } from './administer.js';
import type {} from './global-setup.js';

/** A database of its own on the first server of the shared dev stack, for a suite that brings its own schema. */
export class ScratchDatabase {
  readonly url: string;
  /** A connection for what the suite asks and changes by hand. */
  readonly sql: pg.Client;
  private readonly server: string;
  private readonly name: string;

  private constructor(server: string, name: string, url: string) {
    this.server = server;
    this.name = name;
    this.url = url;
    this.sql = new pg.Client({ connectionString: url });
  }

  static async create(): Promise<ScratchDatabase> {
    const server = inject('devStack').regions[0]?.postgresUrl;
    if (server === undefined) throw new Error('the dev stack has no region');
    const name = `scratch_${randomUUID().replaceAll('-', '')}`;
    await administer(server, `create database ${name}`);
    const url = new URL(server);
    url.pathname = name;
    const database = new ScratchDatabase(server, name, url.href);
    await database.sql.connect();
    return database;
  }

  async drop(): Promise<void> {
    await this.sql.end();
    await administer(this.server, `drop database ${this.name} with (force)`);
  }
}
