/** What can keep a dev stack from starting or a control from working. */
export type DevStackErrorCode =
  | 'bad_option'
  | 'java_missing'
  | 'java_too_old'
  | 'maven_missing'
  | 'download_failed'
  | 'postgres_missing'
  | 'port_in_use'
  | 'directory_unusable'
  | 'start_failed'
  | 'not_found';

/** An operating error of the dev stack. The message says what to install or to change. */
export class DevStackError extends Error {
  override readonly name = 'DevStackError';
  readonly code: DevStackErrorCode;

  constructor(code: DevStackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
