import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkCustomPolicies, isAtoll } from '#declare/define-atoll.js';
import { InputError } from '../load/input-file.js';

/**
 * The names of the entity types that a compiled module declares. What is wrong with it is found here, before regions start
 * that would end over it.
 *
 * @throws InputError
 */
export async function declaredTypes(path: string): Promise<readonly string[]> {
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
    if (!isAtoll(module.default)) throw new Error('it has no default export made by defineAtoll');
    checkCustomPolicies(module.default);
    return Object.keys(module.default.entities);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${path}: ${reason}`, { cause: error });
  }
}
