import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { MessagePattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { ReplicatorStrategy, type Replicator } from './replicator.strategy.js';

class Recorded implements Replicator {
  readonly calls: string[] = [];
  healthy = true;
  fails = false;

  async start(): Promise<void> {
    this.calls.push('start');
    await Promise.resolve();
    if (this.fails) throw new Error('no database');
    this.calls.push('started');
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    await Promise.resolve();
    this.calls.push('stopped');
  }

  isHealthy(): boolean {
    return this.healthy;
  }
}

@Controller()
class Anything {
  @MessagePattern('anything')
  answer(): string {
    return 'never asked';
  }
}

@Module({ controllers: [Anything] })
class Application {}

describe('the replicator strategy', () => {
  it('starts and ends the replicator with a Nest application', async () => {
    const replicator = new Recorded();
    const strategy = new ReplicatorStrategy(replicator);
    const statuses: string[] = [];
    strategy.status.subscribe((status) => statuses.push(status));
    const app = await NestFactory.create(Application, new FastifyAdapter(), { logger: false });
    app.connectMicroservice({ strategy });
    await app.init();
    expect(replicator.calls).toEqual([]);
    expect(strategy.isHealthy()).toBe(false);

    await app.startAllMicroservices();
    expect(replicator.calls).toEqual(['start', 'started']);
    expect(strategy.isHealthy()).toBe(true);
    replicator.healthy = false;
    expect(strategy.isHealthy()).toBe(false);
    replicator.healthy = true;

    await app.close();
    expect(replicator.calls).toEqual(['start', 'started', 'stop', 'stopped']);
    expect(strategy.isHealthy()).toBe(false);
    expect(statuses).toEqual(['starting', 'running', 'stopped']);
  });

  it('runs alone as a microservice', async () => {
    const replicator = new Recorded();
    const app = await NestFactory.createMicroservice(Application, {
      strategy: new ReplicatorStrategy(replicator),
      logger: false,
    });
    await app.listen();
    await app.close();
    expect(replicator.calls).toEqual(['start', 'started', 'stop', 'stopped']);
  });

  it('fails the start of the application when the replicator does not start, and stops nothing', async () => {
    const replicator = new Recorded();
    replicator.fails = true;
    const app = await NestFactory.create(Application, new FastifyAdapter(), { logger: false });
    const strategy = new ReplicatorStrategy(replicator);
    app.connectMicroservice({ strategy });
    await app.init();
    await expect(app.startAllMicroservices()).rejects.toThrow('no database');
    await app.close();
    expect(replicator.calls).toEqual(['start']);
  });

  it('waits for a start that is under way before it stops, and stops once', async () => {
    const replicator = new Recorded();
    const strategy = new ReplicatorStrategy(replicator);
    const listening = new Promise<unknown>((resolve) => strategy.listen(resolve));
    await Promise.all([strategy.close(), strategy.close(), listening]);
    expect(replicator.calls).toEqual(['start', 'started', 'stop', 'stopped']);
    expect(strategy.unwrap()).toBe(replicator);
  });
});
