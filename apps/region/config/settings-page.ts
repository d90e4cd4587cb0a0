import { keys, type KeyName } from './settings.js';

const intro = `# Settings

What a region process is told about its place, from the environment, or by the names of the second column from the YAML file that
\`ATOLL_SETTINGS\` names; the environment goes first. Everything is checked before anything is started: a bad key is named with an
example, and secrets are never repeated. Entity types are no settings: they are in the module of \`ATOLL_CONFIG\`.
`;

const after = `## Roles

| role | may |
| --- | --- |
| \`read\` | read, list, follow changes, see conflicts and what became of writes, scrape \`/metrics\` |
| \`write\` | that, and change, delete, resolve |
| \`admin\` | that, and everything under \`/v1/admin\` |
| \`peer\` | speak for its region to this one, and nothing else |

Without tokens for clients, which is allowed on loopback only, everybody may do everything. Tokens of peers are derived from
\`ATOLL_PEER_KEYS\` where none are given. \`/livez\`, \`/readyz\`, \`/docs\` and \`/openapi.json\` are for anybody.

## In production

- **Postgres**: \`sslmode=verify-full\` in the URL. Other modes are refused: what they check differs from client to client.
- **Kafka**: \`ATOLL_KAFKA_TLS\` and \`ATOLL_KAFKA_SASL\`, for each cluster by itself: the own one and that of each peer may differ. Both
  drivers take both. The account needs to create, describe, read and write topics named \`atoll.*\` and, for \`kafkajs\`, consumer groups
  of that prefix.
- **HTTP and gRPC** are served without TLS. Between sites let what you trust there carry them: a service mesh, a TLS proxy on both
  ends, or a private network. Records on Kafka are signed with \`ATOLL_PEER_KEYS\` whatever carries them.
- **Several processes** of one region share its database and settings; each has its own \`ATOLL_HTTP\`, \`ATOLL_GRPC\` and
  \`ATOLL_ADVERTISE\`. They share the shards among themselves.

## The log and the audit

One JSON object per line on standard error. What operators do (every \`POST\` under \`/v1/admin\`, and its gRPC twin) is shown as a dry
run unless the request says \`dryRun: false\`, and is written at level \`audit\`, whatever \`ATOLL_LOG_LEVEL\` is: a line when it is asked for,
and one with the outcome (\`done\`, \`refused\`, or \`unknown\` where it may still take effect).

\`\`\`json
{"time":"2026-03-01T09:00:00.000Z","level":"audit","message":"HandOver: done","region":"us","pid":311,"action":"HandOver","target":{"shard":3,"to":"eu","force":false},"dryRun":false,"who":"ops","role":"admin","requestId":"0f5c…","outcome":"done","millis":41}
\`\`\`

This page is generated from \`apps/region/config/settings.ts\`; its test writes it anew with \`vitest -u\`.
`;

/** docs/reference/settings.md: every key, in the order of the catalogue. */
export function renderSettingsPage(): string {
  const rows = (Object.keys(keys) as KeyName[]).map((name) => {
    const { env, example, what, schema } = keys[name];
    const fallback = schema.safeParse(undefined);
    const needed = fallback.success ? shown(fallback.data) : 'needed';
    return `| \`${env}\` | \`${name}\` | ${what} | \`${example}\` | ${needed} |`;
  });
  const head = ['| environment | YAML | what | example | without it |', '| --- | --- | --- | --- | --- |'];
  return [intro, ...head, ...rows, '', after].join('\n');
}

function shown(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return `\`${value}\``;
  return 'none';
}
