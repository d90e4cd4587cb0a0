import { decodeVector, encodeVector, type VersionVector } from '#core/causality/version-vector.js';
import { AtollError, type ErrorCode, type FieldError } from '#core/errors.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Json, JsonObject } from '#core/json.js';
import { formatEpoch, noEpoch, parseEpoch, type Epoch } from '#core/strong/epoch.js';
import type { Ack } from '#core/strong/promises.js';
import type { Position } from '#core/strong/strong-chain.js';
import type { Consistency } from '#core/strong/type-moves.js';
import { parseJson } from '#core/parse-json.js';
import type { Hashing } from '../ports/record-auth.js';

/** Told without being asked; several shards in one message. */
export type Told =
  /** A home says that it is there, and how far its epoch is decided. */
  | { readonly kind: 'beat'; readonly shards: readonly (readonly [shard: number, decided: Position])[] }
  /** A member says what it promises and holds, from one flushed state. */
  | { readonly kind: 'ack'; readonly shards: readonly (readonly [shard: number, ack: Ack])[] };

/** Questions about the rights of one entity's counters (`flow/rights/reclaims.ts`). Dots are as people read them. */
export type RightsQuestion = {
  readonly shard: number;
  readonly type: string;
  readonly id: string;
  readonly closing: string;
} & (
  | { readonly kind: 'vote'; readonly of: string; readonly stated: boolean }
  | { readonly kind: 'yield' }
  /** To the owner of the shard in the own region, on an operator's word. It names no closing: that is still to begin. */
  | { readonly kind: 'takeover'; readonly of: string }
);

/** Questions between regions. Every one is about one shard, and is answered by its owner. */
export type Question =
  | { readonly kind: 'promise'; readonly shard: number; readonly epoch: Epoch }
  | { readonly kind: 'prevote'; readonly shard: number; readonly epoch: Epoch }
  | { readonly kind: 'confirm'; readonly shard: number }
  | {
      readonly kind: 'stand';
      readonly shard: number;
      /** Only from a process of the same region: a member that an operator states to be stopped for good. */
      readonly stopped?: string;
    }
  /** Where the shard stands, as its owner here knows. */
  | { readonly kind: 'standing'; readonly shard: number }
  | { readonly kind: 'handover'; readonly shard: number; readonly to: string; readonly force: boolean }
  | RightsQuestion
  | {
      readonly kind: 'move';
      readonly shard: number;
      readonly type: string;
      readonly to: Consistency;
      /** Whether the owner may bring it to the home's region; else it is done here or refused. */
      readonly anywhere: boolean;
    }
  /** How a type is written in the shard, as its owner here knows. */
  | { readonly kind: 'mode'; readonly shard: number; readonly type: string }
  | {
      readonly kind: 'command';
      readonly shard: number;
      readonly command: string;
      readonly waitMillis: number;
    }
  | {
      readonly kind: 'read';
      /** Whether the owner may bring it to the home's region; else it is answered here or refused. */
      readonly anywhere: boolean;
      readonly shard: number;
      readonly type: string;
      readonly id: string;
      readonly waitMillis: number;
    };

/** Where a shard stands, as its owner in a region knows. */
export interface ShardStanding {
  readonly promised: Epoch;
  /** The newest epoch whose opening is known to be decided. */
  readonly decided: Epoch;
  /** Who is taken for the home. */
  readonly home: string | undefined;
}

/** How a type is written in a shard. */
export interface ModeAnswer {
  readonly kind: 'mode';
  readonly mode: Consistency | 'closing';
  /** How often it was moved there, or a move of it aborted. */
  readonly phase: number;
  /** Regions that have closed the phase. */
  readonly closed: readonly string[];
}

export type Answer =
  | ModeAnswer
  | {
      readonly kind: 'promised';
      readonly granted: boolean;
      /** The epoch that the row promises now. */
      readonly promised: Epoch;
      readonly position: Position;
      /** What the member stores of the shard, so that the target knows where to fetch the tail. */
      readonly stored: VersionVector;
    }
  | { readonly kind: 'vote'; readonly yes: boolean; readonly promised: Epoch }
  | { readonly kind: 'confirmed'; readonly promised: Epoch }
  | { readonly kind: 'home'; readonly region: string; readonly epoch: Epoch }
  | ({ readonly kind: 'standing' } & ShardStanding)
  | { readonly kind: 'taken'; readonly taken: boolean }
  /** What was asked for was done by this event. */
  | { readonly kind: 'event'; readonly actor: string; readonly seq: number }
  /** A command's outcome, as `encodeOutcome` writes it. */
  | { readonly kind: 'outcome'; readonly outcome: string }
  | {
      readonly kind: 'value';
      readonly value: JsonObject | undefined;
      readonly seen: VersionVector;
      readonly epoch: Epoch;
    };

const position = ({ epoch, seq }: Position): Json => [formatEpoch(epoch), seq];
const epochOf = (json: Json | undefined): Epoch => parseEpoch(String(json)) ?? noEpoch;
const positionOf = (json: Json | undefined): Position => {
  const [epoch, seq] = Array.isArray(json) ? (json as readonly Json[]) : [];
  return { epoch: epochOf(epoch), seq: Number(seq) };
};
const vectorOf = (json: Json | undefined): VersionVector => decodeVector(json) ?? new Map<string, number>();
const listOf = (json: Json | undefined): readonly (readonly Json[])[] =>
  Array.isArray(json) ? (json as readonly (readonly Json[])[]) : [];

function write(body: JsonObject, hashing: Hashing): Uint8Array {
  return hashing.utf8(canonicalText(body));
}

/** Members are authenticated and run the same release: what does not read is an error of ours. */
function read(payload: Uint8Array, hashing: Hashing): JsonObject {
  const text = hashing.fromUtf8(payload);
  if (text === undefined) throw new AtollError('internal', 'a member sent bytes that are not UTF-8');
  return parseJson(text) as JsonObject;
}

export function encodeTold(told: Told, hashing: Hashing): Uint8Array {
  const shards =
    told.kind === 'beat'
      ? told.shards.map(([shard, decided]) => [shard, position(decided)])
      : told.shards.map(([shard, ack]) => [shard, formatEpoch(ack.promised), position(ack.position)]);
  return write({ kind: told.kind, shards }, hashing);
}

export function decodeTold(payload: Uint8Array, hashing: Hashing): Told {
  const body = read(payload, hashing);
  const rows = listOf(body.shards);
  if (body.kind === 'beat')
    return { kind: 'beat', shards: rows.map(([shard, decided]) => [Number(shard), positionOf(decided)]) };
  return {
    kind: 'ack',
    shards: rows.map(([shard, promised, at]) => [
      Number(shard),
      { promised: epochOf(promised), position: positionOf(at) },
    ]),
  };
}

/** What siblings pass on to the owner of a shard begins with another byte than a command, which is JSON. */
const toldMark = 'T';
const questionMark = 'Q';

export function relayTold(region: string, payload: Uint8Array, hashing: Hashing): Uint8Array {
  return hashing.utf8(`${toldMark}${region} ${hashing.fromUtf8(payload) ?? ''}`);
}

export function relayQuestion(payload: Uint8Array, hashing: Hashing): Uint8Array {
  return hashing.utf8(`${questionMark}${hashing.fromUtf8(payload) ?? ''}`);
}

export type Relayed =
  | { readonly kind: 'told'; readonly region: string; readonly payload: Uint8Array }
  | { readonly kind: 'question'; readonly payload: Uint8Array };

/** `undefined`: it is a forwarded command. */
export function relayedOf(payload: Uint8Array, hashing: Hashing): Relayed | undefined {
  const mark = String.fromCharCode(payload[0] ?? 0);
  if (mark !== toldMark && mark !== questionMark) return undefined;
  const text = hashing.fromUtf8(payload.subarray(1)) ?? '';
  if (mark === questionMark) return { kind: 'question', payload: hashing.utf8(text) };
  const cut = text.indexOf(' ');
  return { kind: 'told', region: text.slice(0, cut), payload: hashing.utf8(text.slice(cut + 1)) };
}

export function encodeQuestion(question: Question, hashing: Hashing): Uint8Array {
  const { kind, shard } = question;
  if (kind === 'promise' || kind === 'prevote')
    return write({ kind, shard, epoch: formatEpoch(question.epoch) }, hashing);
  return write({ ...question }, hashing);
}

export function decodeQuestion(payload: Uint8Array, hashing: Hashing): Question {
  const body = read(payload, hashing);
  if (body.kind === 'promise' || body.kind === 'prevote')
    return { kind: body.kind, shard: Number(body.shard), epoch: epochOf(body.epoch) };
  return body as unknown as Question;
}

export function encodeAnswer(answer: Answer, hashing: Hashing): Uint8Array {
  return write(answerBody(answer), hashing);
}

function answerBody(answer: Answer): JsonObject {
  switch (answer.kind) {
    case 'promised': {
      const { kind, granted, promised, position: at, stored } = answer;
      return {
        kind,
        granted,
        promised: formatEpoch(promised),
        at: position(at),
        stored: encodeVector(stored),
      };
    }
    case 'vote':
      return { kind: answer.kind, yes: answer.yes, promised: formatEpoch(answer.promised) };
    case 'confirmed':
      return { kind: answer.kind, promised: formatEpoch(answer.promised) };
    case 'home':
      return { kind: answer.kind, region: answer.region, epoch: formatEpoch(answer.epoch) };
    case 'standing': {
      const { kind, promised, decided, home } = answer;
      return { kind, promised: formatEpoch(promised), decided: formatEpoch(decided), home: home ?? null };
    }
    case 'mode':
      return { kind: answer.kind, mode: answer.mode, phase: answer.phase, closed: answer.closed };
    case 'taken':
      return { kind: answer.kind, taken: answer.taken };
    case 'event':
      return { kind: answer.kind, actor: answer.actor, seq: answer.seq };
    case 'outcome':
      return { kind: answer.kind, outcome: answer.outcome };
    case 'value': {
      const { kind, value, seen, epoch } = answer;
      return { kind, value: value ?? null, seen: encodeVector(seen), epoch: formatEpoch(epoch) };
    }
  }
}

export function encodeRefusal(error: AtollError, hashing: Hashing): Uint8Array {
  const fields = error.fields.map(({ path, code, detail }) => ({ path, code, detail }));
  return write({ kind: 'error', code: error.code, detail: error.message, fields }, hashing);
}

/** @throws AtollError what the other side refused with */
export function decodeAnswer(payload: Uint8Array, hashing: Hashing): Answer {
  const body = read(payload, hashing);
  switch (body.kind) {
    case 'promised':
      return {
        kind: 'promised',
        granted: body.granted === true,
        promised: epochOf(body.promised),
        position: positionOf(body.at),
        stored: vectorOf(body.stored),
      };
    case 'vote':
      return { kind: 'vote', yes: body.yes === true, promised: epochOf(body.promised) };
    case 'confirmed':
      return { kind: 'confirmed', promised: epochOf(body.promised) };
    case 'home':
      return { kind: 'home', region: String(body.region), epoch: epochOf(body.epoch) };
    case 'standing': {
      const home = body.home === null ? undefined : String(body.home);
      return { kind: 'standing', promised: epochOf(body.promised), decided: epochOf(body.decided), home };
    }
    case 'mode':
      return body as unknown as ModeAnswer;
    case 'taken':
      return { kind: 'taken', taken: body.taken === true };
    case 'event':
      return { kind: 'event', actor: String(body.actor), seq: Number(body.seq) };
    case 'outcome':
      return { kind: 'outcome', outcome: String(body.outcome) };
    case 'value': {
      const value = body.value === null ? undefined : (body.value as JsonObject);
      return { kind: 'value', value, seen: vectorOf(body.seen), epoch: epochOf(body.epoch) };
    }
    default: {
      const { code, detail, fields } = body as unknown as {
        readonly code: ErrorCode;
        readonly detail: string;
        readonly fields: readonly FieldError[];
      };
      throw new AtollError(code, detail, { fields });
    }
  }
}
