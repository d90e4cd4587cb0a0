import type { Argument, Command, Option } from 'commander';
import { exitCodes } from './terminal/exit.js';

const intro = `# The command line

\`atoll\` is \`node bin/atoll.js\` in the repository, \`npx atoll\` where it is installed. Commands ask the dev stack that runs on this machine (\`--port-base\`
says which, of several: its first port, 7400 without it), or the regions that \`--endpoint us=http://… eu=http://…\` (or \`ATOLL_ENDPOINTS\`, separated by
semicolons) names, with the bearer token of \`--token\` or \`ATOLL_TOKEN\`. \`--region\` says which of them is asked, where one is: the first without it. Everything works without a terminal; with \`--output json\` standard output has one JSON document and nothing else, or a
line of JSON each second with \`--watch\`, and progress goes to standard error.

| ends with | when |
| --- | --- |
| ${exitCodes.ok} | it is done |
| ${exitCodes.failedCheck} | a check failed, or something happened that must not |
| ${exitCodes.usage} | the command or what it says is wrong |
| ${exitCodes.unreachable} | a region, or enough of them, cannot be reached |
| ${exitCodes.refused} | a precondition does not hold |
| ${exitCodes.notConverged} | regions do not have it yet, or not all of them |

What changes how regions work together (\`handover\`, \`region\`, \`type move\`, \`rights\`) only shows what would be done, unless \`--apply\` is given.

This page is generated from the commands; its test writes it anew with \`vitest -u\`.
`;

/** Options that most commands have: told above. */
const common: ReadonlySet<string> = new Set(['--port-base', '--endpoint', '--token', '--region']);

/** docs/reference/cli.md: every command, with its own options. */
export function renderCliPage(program: Command): string {
  return [intro, ...sectionsOf(program, 'atoll')].join('\n');
}

function sectionsOf(command: Command, path: string): readonly string[] {
  return command.commands.flatMap((one) => {
    const name = `${path} ${one.name()}`;
    // A command with commands of its own and no arguments only groups them.
    const isGroup = one.commands.length > 0 && one.registeredArguments.length === 0;
    return [...(isGroup ? [] : [section(one, name)]), ...sectionsOf(one, name)];
  });
}

function section(command: Command, name: string): string {
  const usage = [name, ...command.registeredArguments.map(argumentText)].join(' ');
  const rows = command.options.filter(({ long }) => !common.has(long ?? '')).map(optionRow);
  const table = rows.length === 0 ? [] : ['| option | what |', '| --- | --- |', ...rows, ''];
  return [`## ${name}`, '', `\`${usage}\`: ${command.description()}.`, '', ...table].join('\n');
}

function argumentText(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function optionRow({ flags, description, mandatory, defaultValue, argChoices }: Option): string {
  const value: unknown = defaultValue;
  const isPath = typeof value === 'string' && value.includes('/');
  const notes = [
    ...(argChoices === undefined ? [] : [argChoices.map((choice) => `\`${choice}\``).join(', ')]),
    ...(mandatory ? ['needed'] : []),
    ...((typeof value === 'string' && !isPath) || typeof value === 'number' ? [`default \`${value}\``] : []),
  ];
  const text = notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
  return `| \`${flags}\` | ${text.replaceAll('|', '\\|')} |`;
}
