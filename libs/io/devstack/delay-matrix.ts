import { readFileSync } from 'node:fs';
import { parseJson } from '#core/parse-json.js';
import { DevStackError } from './errors.js';

/** The delay of one direction of a link, in milliseconds: the fixed part, and up to so much more at random. */
export interface Delay {
  readonly oneWayMillis: number;
  readonly jitterMillis: number;
}

/**
 * Delays by pair of regions: `"us<->eu"` for both directions or `"us->eu"` for one, which goes first.
 * `default` is for every pair that is not named.
 */
export interface DelayMatrix {
  readonly default: Delay;
  readonly links: Readonly<Record<string, Delay>>;
}

const none: DelayMatrix = { default: { oneWayMillis: 0, jitterMillis: 0 }, links: {} };

/**
 * Half of the round trips that cloud providers publish between a data centre in Virginia (us), Ireland (eu) and
 * Singapore (ap), rounded: about 75, 175 and 220 ms there and back. Pairs that are not named get 60 ms.
 */
const global: DelayMatrix = {
  default: { oneWayMillis: 60, jitterMillis: 3 },
  links: {
    'us<->eu': { oneWayMillis: 38, jitterMillis: 2 },
    'eu<->ap': { oneWayMillis: 88, jitterMillis: 4 },
    'us<->ap': { oneWayMillis: 110, jitterMillis: 5 },
  },
};

/** What `--latency` takes: a built-in matrix by name, the path of a JSON file, or a matrix. */
export type Latency = 'global' | 'none' | (string & {}) | DelayMatrix;

export function loadDelayMatrix(latency: Latency): DelayMatrix {
  if (latency === 'global') return global;
  if (latency === 'none') return none;
  return typeof latency === 'string' ? parseFile(latency) : parseMatrix(latency, 'the given matrix');
}

export function delayBetween(matrix: DelayMatrix, from: string, to: string): Delay {
  const { links } = matrix;
  return links[`${from}->${to}`] ?? links[`${from}<->${to}`] ?? links[`${to}<->${from}`] ?? matrix.default;
}

function parseFile(path: string): DelayMatrix {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new DevStackError('bad_option', `latency is global, none or a file; cannot read ${path}`, {
      cause,
    });
  }
  try {
    return parseMatrix(parseJson(text), path);
  } catch (cause) {
    if (cause instanceof DevStackError) throw cause;
    throw new DevStackError('bad_option', `${path} is not JSON: ${String(cause)}`, { cause });
  }
}

const example = '{"default":{"oneWayMillis":60,"jitterMillis":3},"links":{"us<->eu":{"oneWayMillis":40}}}';

function parseMatrix(value: unknown, source: string): DelayMatrix {
  const fail = (what: string): never => {
    throw new DevStackError('bad_option', `${source}: ${what}. An example: ${example}`);
  };
  const delay = (candidate: unknown, name: string): Delay => {
    const { oneWayMillis, jitterMillis = 0 } = (candidate ?? {}) as Record<string, unknown>;
    const valid = (millis: unknown): millis is number =>
      typeof millis === 'number' && Number.isFinite(millis) && millis >= 0 && millis <= 60_000;
    if (valid(oneWayMillis) && valid(jitterMillis)) return { oneWayMillis, jitterMillis };
    return fail(`${name} needs oneWayMillis, and may have jitterMillis, both from 0 to 60000`);
  };
  if (typeof value !== 'object' || value === null) return fail('it must be an object');
  const {
    default: fallback = { oneWayMillis: 0 },
    links = {},
    ...unknown
  } = value as Record<string, unknown>;
  const stray = Object.keys(unknown)[0];
  if (stray !== undefined) return fail(`unknown key "${stray}"`);
  if (typeof links !== 'object' || links === null) return fail('"links" must be an object');
  const entries = Object.entries(links).map(([name, candidate]): [string, Delay] => {
    if (!/^[a-z0-9-]+(<->|->)[a-z0-9-]+$/.test(name))
      return fail(`"${name}" is no link: say us<->eu or us->eu`);
    return [name, delay(candidate, `"${name}"`)];
  });
  return { default: delay(fallback, '"default"'), links: Object.fromEntries(entries) };
}
