import type { TestProject } from 'vitest/node';
import { startStack, type StackDescriptor } from '#io/devstack/stack.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The one dev stack of all integration suites: regions us, eu and ap, links without delay. */
    readonly devStack: StackDescriptor;
  }
}

/** Starts what the integration suites share, once, and returns how to stop it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ portBase: 0, latency: 'none', handleSignals: true });
  project.provide('devStack', stack.descriptor);
  return () => stack.stop();
}
