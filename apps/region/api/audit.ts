import { AtollError, type ErrorCode } from '#core/errors.js';
import type { Call } from '#io/http/call.js';

/** What an operator asked for. */
export interface OperatorAction {
  /** The operation, by the name that gRPC and the OpenAPI description know it by. */
  readonly action: string;
  /** What it was asked to do, as the request says it. */
  readonly target: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Only what would be done was asked for. */
  readonly dryRun: boolean;
}

/** `asked`: before anything is done. `unknown`: it may still take effect. */
export type AuditOutcome = 'asked' | 'done' | 'refused' | 'unknown';

/** One line of the audit: who did what, and what became of it. */
export interface AuditLine extends OperatorAction {
  /** The name that was given with the token. */
  readonly who: string;
  readonly role: string;
  readonly requestId: string;
  readonly outcome: AuditOutcome;
  /** Why not, where it was not done. */
  readonly code?: ErrorCode;
  /** How long it took; absent while it is only asked for. */
  readonly millis?: number;
}

export type Audit = (line: AuditLine) => void;

/** After these nobody knows whether it took effect. */
const open: ReadonlySet<ErrorCode> = new Set(['deadline_exceeded', 'unavailable', 'internal']);

/**
 * Carries out what an operator asked for between two lines of the audit: one before, so that what a crash cuts short is
 * there too, and one with the outcome. A dry run has the latter only.
 */
export async function audited<T>(
  audit: Audit,
  { caller, requestId }: Pick<Call, 'caller' | 'requestId'>,
  asked: OperatorAction,
  work: () => Promise<T>,
): Promise<T> {
  const whose = { ...asked, who: caller?.name ?? 'nobody', role: caller?.role ?? 'none', requestId };
  const begun = performance.now();
  const took = (): number => Math.round(performance.now() - begun);
  if (!asked.dryRun) audit({ ...whose, outcome: 'asked' });
  try {
    const done = await work();
    audit({ ...whose, outcome: 'done', millis: took() });
    return done;
  } catch (error) {
    const code = error instanceof AtollError ? error.code : 'internal';
    audit({ ...whose, outcome: open.has(code) ? 'unknown' : 'refused', code, millis: took() });
    throw error;
  }
}
