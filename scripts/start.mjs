/** `npm start`: three regions on this machine, the tour, the console; arguments go to `atoll dev --tour`. */
import { run } from './run.mjs';

await run('dist/apps/cli/main.js', ['dev', '--tour', ...process.argv.slice(2)]);
