import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { StackDescriptor } from '#io/devstack/stack.js';
import type { KafkaDriverName } from '#io/kafka/settings.js';
import type { Scale } from './bench.js';

export interface BenchArguments {
  readonly only: readonly string[];
  readonly jsonFile?: string;
  readonly plotDirectory?: string;
  readonly judge: boolean;
  readonly scale: Scale;
  readonly driver: KafkaDriverName;
  readonly profileDirectory?: string;
  readonly stack?: StackDescriptor;
}

export const usage = `usage: npm run bench -- [options]

  --only NAME      run this bench alone (may be given several times)
  --json FILE      write all figures, the machine and every side's configuration to FILE
  --plots DIR      draw what was measured as SVG files in DIR
  --judge          exit with 1 when a target is missed or a run is void
  --smoke          run every part for a moment only: to see that it runs, not to measure
  --driver NAME    platformatic (default) or kafkajs
  --profile DIR    leave CPU profiles of Atoll's own processes in DIR
  --stack FILE     use the running dev stack that FILE (its stack.json) describes, instead of an own one
  --help           show this
`;

/** Shows the usage and ends the process where that is asked. @throws Error with a sentence for whoever typed it */
export function readArguments(args: readonly string[], benches: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      plots: { type: 'string' },
      judge: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      driver: { type: 'string', default: 'platformatic' },
      profile: { type: 'string' },
      stack: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const unknown = values.only.find((name) => !benches.includes(name));
  if (unknown !== undefined) throw new Error(`there is no bench "${unknown}", only ${benches.join(', ')}`);
  const { driver } = values;
  if (driver !== 'kafkajs' && driver !== 'platformatic') {
    throw new Error(`--driver is platformatic or kafkajs, not "${driver}"`);
  }
  if (values.json !== undefined) requireWritable(values.json);
  return {
    only: values.only,
    judge: values.judge,
    scale: values.smoke ? 'smoke' : 'full',
    driver,
    ...(values.json !== undefined && { jsonFile: values.json }),
    ...(values.plots !== undefined && { plotDirectory: values.plots }),
    ...(values.profile !== undefined && { profileDirectory: values.profile }),
    ...(values.stack !== undefined && { stack: readDescriptor(values.stack) }),
  };
}

function readDescriptor(file: string): StackDescriptor {
  return JSON.parse(readFileSync(file, 'utf8')) as StackDescriptor;
}

/** Said before, and not after, all was measured. */
function requireWritable(path: string): void {
  const directory = dirname(resolve(path));
  try {
    accessSync(directory, constants.W_OK);
  } catch {
    throw new Error(`--json: cannot write to ${directory}`);
  }
}
