import { assert } from '#core/assert.js';
import { dotKey } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { Command } from '#flow/service.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimWorld } from './sim-world.js';

/** A client's patience, in milliseconds: beyond it a command's fate is unknown to it. */
const patienceMillis = 3_000;
const maxWaitMillis = 2_000;
const triesMax = 4;

/** What a client knows of a command. `unknown`: it may have been executed, or may be yet. */
export type Known = 'ok' | 'refused' | 'unknown';

/** Who asks, for the trace and for random numbers of its own. */
export interface Askers {
  readonly world: SimWorld;
  readonly random: SeededRandom;
  readonly name: string;
}

/** Sequential clients: each does one thing after another, with a pause before each. */
export async function runClients(
  { world, random, name }: Askers,
  plan: { readonly clients: number; readonly steps: number; readonly pauseMillisMax: number },
  act: (random: SeededRandom, client: number, step: number) => Promise<void>,
): Promise<void> {
  const run = async (client: number): Promise<void> => {
    const own = random.branch(`${name} ${client}`);
    for (let step = 0; step < plan.steps; step += 1) {
      await world.pause(own.between(10, plan.pauseMillisMax));
      await act(own, client, step);
    }
  };
  await Promise.all(Array.from({ length: plan.clients }, (_, client) => run(client)));
}

/** What a region answers in time; `undefined` where that is nothing, or a typed error. */
export async function answerOf<T>(world: SimWorld, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await world.within(asked, patienceMillis);
  } catch (error) {
    assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
    return undefined;
  }
}

/** One try of a command. */
export async function submitOnce(
  { world, name }: Omit<Askers, 'random'>,
  region: string,
  command: Command,
): Promise<Known> {
  const service = world.anyProcess(region)?.service;
  if (!service) return 'unknown';
  try {
    const outcome = await world.within(service.submit(command, { maxWaitMillis }), patienceMillis);
    if (!outcome) return 'unknown';
    world.note(`${name} ok ${region} ${outcome.mutationId} ${dotKey(outcome.dot)}`);
    return 'ok';
  } catch (error) {
    assert(error instanceof AtollError, `only typed errors reach a client, not ${String(error)}`);
    world.note(`${name} refused ${command.mutationId ?? ''} ${error.code}`);
    return error.retryable ? 'unknown' : 'refused';
  }
}

/** Tries a command until its fate is known, each time in another region. What is refused after a try in doubt stays in doubt. */
export async function submitAnywhere(askers: Askers, first: string, command: Command): Promise<Known> {
  const { world, random } = askers;
  let region = first;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const known = await submitOnce(askers, region, command);
    if (known === 'ok') return known;
    if (known === 'refused') return tries === 1 ? known : 'unknown';
    await world.pause(random.between(20, 200));
    region = random.pick(world.regions);
  }
  return 'unknown';
}
