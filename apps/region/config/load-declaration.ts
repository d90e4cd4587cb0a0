import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DeclarationError } from '#declare/declaration-error.js';
import { checkCustomPolicies, isAtoll, type Atoll } from '#declare/define-atoll.js';
import { SettingsError } from './read-settings.js';

/**
 * Loads the module that declares the entity types, and checks the laws of its custom policies.
 *
 * @throws SettingsError
 */
export async function loadDeclaration(path: string): Promise<Atoll> {
  const module = await load(path);
  if (!isAtoll(module.default)) {
    throw new SettingsError(
      `ATOLL_CONFIG: the default export of ${path} is not a declaration; for example: export default defineAtoll({ entities: { … } });`,
    );
  }
  try {
    checkCustomPolicies(module.default);
  } catch (error) {
    throw error instanceof DeclarationError
      ? new SettingsError(`ATOLL_CONFIG: ${path}: ${error.message}`)
      : error;
  }
  return module.default;
}

async function load(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`ATOLL_CONFIG: cannot load ${path}: ${reason}`);
  }
}
