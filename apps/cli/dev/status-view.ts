import type { LinkInfo, Topology } from '#client/admin.js';
import type { Conflict } from '#client/wire.js';

/** Where one process of a region is reached. */
export interface ProcessAddresses {
  readonly name: string;
  readonly httpUrl: string;
  readonly grpcAddress: string;
  readonly postgresUrl: string;
  readonly kafkaBrokers: string;
}

/** A region as it answers at the moment; `undefined` where it does not. */
export interface RegionView {
  readonly region: string;
  readonly topology: Topology | undefined;
  readonly links: readonly LinkInfo[];
}

/** What the status page shows. */
export interface StatusView {
  readonly processes: readonly ProcessAddresses[];
  readonly regions: readonly RegionView[];
  /** Links that are cut at the moment, as `us->eu`. */
  readonly cut: ReadonlySet<string>;
  /** The newest first. */
  readonly conflicts: readonly Conflict[];
  readonly at: Date;
}

const refreshSeconds = 2;

/** The status page as HTML. It holds no script; the browser asks for it again every few seconds. Pure. */
export function renderStatus({ processes, regions, cut, conflicts, at }: StatusView): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="${refreshSeconds}">
<title>Atoll dev stack</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b2733; background: #fbfcfd; }
  table { border-collapse: collapse; margin-bottom: 1.5rem; } th, td { text-align: left; padding: .25rem 1.1rem .25rem 0; }
  th { color: #5b6b7a; font-weight: 600; } a { color: #0a6ebd; margin-right: .6rem; } h2 { font-size: 1.1rem; margin: 0 0 .3rem; }
  td.bad { color: #b3261e; font-weight: 600; } code { font-size: .9em; } footer { color: #5b6b7a; }
  @media (prefers-color-scheme: dark) { body { color: #dce5ee; background: #11161c; } a { color: #6db8f5; } td.bad { color: #ff8a80; } }
</style>
<h1>Atoll</h1>
<h2>Regions</h2>
${table(['region', 'state', 'shards here', 'pending', 'parked'], regions.map(regionRow))}
<h2>Links</h2>
${table(
  ['from', 'to', 'link', 'events missing at to', 'last heartbeat'],
  regions.flatMap(({ region, links }) => links.map((link) => linkRow(region, link, cut))),
)}
<h2>Newest conflicts</h2>
${
  conflicts.length === 0
    ? '<p>None yet: write to one entity in two regions at once, or cut a link first.</p>'
    : table(['found', 'entity', 'field', 'lower', 'higher', 'resolved by'], conflicts.map(conflictRow))
}
<h2>Addresses</h2>
${table(['process', 'look at', 'HTTP', 'gRPC', 'Postgres', 'Kafka'], processes.map(processRow))}
<footer>As of ${escapeHtml(at.toISOString())}, asked again every ${refreshSeconds} s. The same in a terminal: <code>atoll status --watch</code></footer>
`;
}

/** A cell: text, or HTML of ours; `bad` is what somebody should look at. */
type Cell = string | { readonly html: string } | { readonly bad: string };

function regionRow({ region, topology }: RegionView): readonly Cell[] {
  if (topology === undefined) return [region, { bad: 'does not answer' }];
  const { ready, isolated, owned, shards, pending, parked } = topology;
  const state = isolated ? { bad: 'isolated from its Kafka' } : ready ? 'ready' : { bad: 'not ready' };
  const waiting = parked === 0 ? '0' : { bad: String(parked) };
  return [region, state, `${owned.length} of ${shards}`, String(pending), waiting];
}

function linkRow(at: string, link: LinkInfo, cut: ReadonlySet<string>): readonly Cell[] {
  const { region, behindHere, lastHeartbeatMillisAgo: ago } = link;
  return [
    ...[region, at, cut.has(`${region}->${at}`) ? { bad: 'cut' } : 'up', String(behindHere)],
    ago === null ? { bad: 'never' } : `${Math.round(ago)} ms ago`,
  ];
}

function conflictRow({
  detectedMillis,
  type,
  entityId,
  field,
  low,
  high,
  resolvedBy,
}: Conflict): readonly Cell[] {
  return [
    ...[new Date(detectedMillis).toISOString(), `${type}/${entityId}`, field],
    ...[JSON.stringify(low.change), JSON.stringify(high.change), resolvedBy ?? ''],
  ];
}

function processRow({
  name,
  httpUrl,
  grpcAddress,
  postgresUrl,
  kafkaBrokers,
}: ProcessAddresses): readonly Cell[] {
  const links = ['docs', 'metrics', 'v1/admin/topology', 'v1/admin/links', 'v1/conflicts'].map(
    (path) => `<a href="${escapeHtml(`${httpUrl}/${path}`)}">${path}</a>`,
  );
  return [name, { html: links.join(' ') }, httpUrl, grpcAddress, postgresUrl, kafkaBrokers];
}

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const head = heads.map((text) => `<th>${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map(cellHtml).join('')}</tr>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

function cellHtml(cell: Cell): string {
  if (typeof cell === 'string') return `<td>${escapeHtml(cell)}</td>`;
  return 'html' in cell ? `<td>${cell.html}</td>` : `<td class="bad">${escapeHtml(cell.bad)}</td>`;
}

function escapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => named[character] ?? character);
}
