import type { RequestKind } from '#core/admission/admit.js';

/** Methods that read at a level, and methods whose writes may ask for acks: as their HTTP twins say by their headers. */
export const levelReadingMethods: ReadonlySet<string> = new Set(['GetEntity', 'GetEntities']);
export const writingMethods: ReadonlySet<string> = new Set([
  'ChangeEntity',
  'PatchEntity',
  'DeleteEntity',
  'ResolveConflict',
  'Batch',
  'Transact',
]);

/** What operators ask and do. */
const operatingMethods: ReadonlySet<string> = new Set([
  'GetTopology',
  'GetLinks',
  'GetShards',
  'GetQuarantine',
  'GetSlo',
  'GetMembers',
  'ChangeMembers',
  'GetRefused',
  'HandOver',
  'GetTypes',
  'MoveType',
  'DrainRights',
  'ReclaimRights',
]);

const service = '/atoll.v1.Atoll/';

/** What the door takes a call for; `undefined` for what nobody is refused: health, reflection, other regions. */
export function callKindOf(path: string): RequestKind | undefined {
  if (!path.startsWith(service)) return undefined;
  const method = path.slice(service.length);
  if (writingMethods.has(method)) return 'write';
  return operatingMethods.has(method) ? 'operate' : 'read';
}
