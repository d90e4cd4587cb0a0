export type DeclarationCode =
  'invalid_name' | 'invalid_options' | 'invalid_schema' | 'invalid_default' | 'laws_broken';

/** A declaration that cannot be served. It is thrown where it was written, and stops the service at its start. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError';
  readonly code: DeclarationCode;
  /** Where: `entities.cart.fields.lines`; '' while the place is not known yet. */
  readonly path: string;

  constructor(code: DeclarationCode, detail: string, path = '') {
    super(path === '' ? detail : `${path}: ${detail}`);
    this.code = code;
    this.path = path;
  }
}
