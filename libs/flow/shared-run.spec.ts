import { describe, expect, it } from 'vitest';
import { SharedRun } from './shared-run.js';

describe('a shared run', () => {
  it('begins after each caller asked, and is shared by all who asked before it began', async () => {
    const begun: ((value: number) => void)[] = [];
    const run = new SharedRun(() => new Promise<number>((resolve) => void begun.push(resolve)));
    const first = run.next();
    const [second, third] = [run.next(), run.next()];
    expect(begun.length).toBe(1);
    begun[0]?.(1);
    expect(await first).toBe(1);
    await Promise.resolve();
    const fourth = run.next();
    expect(begun.length).toBe(2);
    begun[1]?.(2);
    expect(await Promise.all([second, third])).toEqual([2, 2]);
    await Promise.resolve();
    begun[2]?.(3);
    expect(await fourth).toBe(3);
  });

  it('fails only those who waited for the run that failed', async () => {
    let fails = true;
    const run = new SharedRun(() => (fails ? Promise.reject(new Error('broken')) : Promise.resolve(1)));
    const first = run.next();
    const second = run.next();
    await expect(first).rejects.toThrow('broken');
    fails = false;
    await expect(second.catch(() => 'also')).resolves.toBeDefined();
    expect(await run.next()).toBe(1);
  });
});
