import { DeclarationError } from './declaration-error.js';

/** Names of types and fields: they become JSON keys, path segments, SQL views and properties of the SDK. */
export const namePattern = /^[a-z][a-zA-Z0-9_]{0,63}$/;

/** @throws DeclarationError */
export function checkName(name: string, what: 'entity type' | 'field', path: string): void {
  if (!namePattern.test(name)) {
    throw new DeclarationError(
      'invalid_name',
      `'${name}' cannot name an ${what === 'field' ? 'entity field' : what}: 1 to 64 letters, digits and _, starting with a lower case letter`,
      path,
    );
  }
  // `constructor`, `toString` and their like are inherited by every object: a look-up by name would find them.
  if (name in Object.prototype) {
    throw new DeclarationError('invalid_name', `'${name}' is a name that every JavaScript object has`, path);
  }
}
