/**
 * Writes .env for docker-compose.yml: random passwords, tokens and keys, readable by this user alone.
 * An existing file is left as it is: the databases were made with its passwords.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './node.mjs';

const regions = ['us', 'eu', 'ap'];
const secret = () => randomBytes(24).toString('base64url');

const tokens = [
  ...['read', 'write', 'admin'].map((role) => ({ token: secret(), role, name: role })),
  ...regions.map((region) => ({ token: secret(), role: 'peer', name: region, region })),
];
const keys = regions.map((region) => `${region}=${randomBytes(32).toString('base64')}`);
const settings = {
  ATOLL_POSTGRES_PASSWORD: secret(),
  ATOLL_TOKENS: JSON.stringify(tokens),
  ATOLL_PEER_KEYS: keys.join(';'),
};
const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);

try {
  writeFileSync(join(root, '.env'), lines.join(''), { flag: 'wx', mode: 0o600 });
  process.stdout.write('wrote .env\n');
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
  process.stdout.write('.env exists; left as it is\n');
}
