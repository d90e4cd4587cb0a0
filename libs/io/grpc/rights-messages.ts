import type { ErrorCode } from '#core/errors.js';
import type { RightsAnswer, RightsRequest } from '#flow/ports/peers.js';
import { errorCatalogue } from '../wire/error-catalogue.js';

/** `atoll.peer.v1.RightsRequest` as the proto loader gives and takes it. */
export interface RightsRequestMessage {
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly side: string;
  readonly to: string;
  readonly need: number;
  readonly want: number;
  readonly mutationId: string;
}

/** `atoll.peer.v1.RightsAnswer`. */
export interface RightsAnswerMessage {
  readonly actor: string;
  readonly seq: number;
  readonly refused: string;
}

export function encodeRightsRequest({ entity, ...rest }: RightsRequest): RightsRequestMessage {
  return { type: entity.type, id: entity.id, ...rest };
}

/** `undefined` when it is no request that a member could have sent: it comes from outside and is not trusted. */
export function decodeRightsRequest(message: RightsRequestMessage): RightsRequest | undefined {
  const { type, id, field, side, to, need, want, mutationId } = message;
  if ([type, id, field, to, mutationId].includes('')) return undefined;
  if (side !== 'spend' && side !== 'increment') return undefined;
  if (!Number.isSafeInteger(need) || !Number.isSafeInteger(want) || need < 1 || want < need) return undefined;
  return { entity: { type, id }, field, side, to, need, want, mutationId };
}

export function encodeRightsAnswer(answer: RightsAnswer): RightsAnswerMessage {
  if (answer.kind === 'refused') return { actor: '', seq: 0, refused: answer.reason };
  return { ...answer.dot, refused: '' };
}

/** `undefined` when it cannot be read. */
export function decodeRightsAnswer({ actor, seq, refused }: RightsAnswerMessage): RightsAnswer | undefined {
  if (Object.hasOwn(errorCatalogue, refused)) return { kind: 'refused', reason: refused as ErrorCode };
  if (actor === '' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  return { kind: 'granted', dot: { actor, seq } };
}
