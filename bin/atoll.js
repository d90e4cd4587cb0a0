#!/usr/bin/env node
import { run } from '../scripts/run.mjs';

await run('dist/apps/cli/main.js', process.argv.slice(2));
