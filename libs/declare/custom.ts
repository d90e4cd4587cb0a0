import type { Json } from '#core/json.js';
import { checkLaws } from '#core/merge/check-laws.js';
import { custom as customPolicy, type CustomPolicy } from '#core/merge/custom.js';
import type { Operation } from '#core/merge/policy.js';
import { DeclarationError } from './declaration-error.js';
import type { FieldDeclaration } from './field.js';
import { toJson } from './value-schema.js';

/** Names of the policies that come with Atoll: a custom one of the same name would pass for it. */
const builtIn: ReadonlySet<string> = new Set([
  'last-writer-wins',
  'multi-value',
  'counter',
  'grow-only-counter',
  'bounded-counter',
  'add-wins-set',
  'remove-wins-set',
  'flag',
  'max-register',
  'min-register',
  'ordered-status',
  'add-wins-map',
  'text',
]);

const namePattern = /^[a-z][a-z0-9-]{0,63}$/;

export interface CustomOptions<
  Value extends Json,
  Change extends Json,
  Sent extends Operation,
> extends CustomPolicy<Value, Change> {
  /**
   * Operations to check the laws with when the service starts: some of each kind, and such as meet in the same place.
   * Histories of them are generated; one that breaks a law stops the service.
   */
  readonly samples: readonly Sent[];
}

/**
 * A merge policy of your own: pure functions that every region runs. `apply` must give the same value in any order in
 * which concurrent changes can arrive; that is checked with the samples when the service starts.
 *
 * @throws DeclarationError
 */
export function custom<Value extends Json, Change extends Json, const Sent extends Operation>(
  options: CustomOptions<Value, Change, Sent>,
): FieldDeclaration<Value, Sent> {
  const { samples, ...own } = options;
  const refuse = (detail: string): never => {
    throw new DeclarationError('invalid_options', detail);
  };
  if (!namePattern.test(own.name))
    refuse('the name of a custom policy is 1 to 64 of a-z, 0-9 and -, starting with a letter');
  if (builtIn.has(own.name)) refuse(`'${own.name}' is the name of a policy that comes with Atoll`);
  if (!Number.isSafeInteger(own.version) || own.version < 1)
    refuse('the version of a custom policy is a whole number from 1');
  if (own.operations.length === 0) refuse('a custom policy has at least one operation');
  if (toJson(own.initial) === undefined) refuse('the initial value of a custom policy is JSON');
  if (samples.length === 0) refuse('a custom policy needs samples: operations to check its laws with');
  const policy = customPolicy(own);
  return { policy, findBrokenLaw: () => tellViolation(checkLaws(policy, samples)) };
}

function tellViolation(violations: ReturnType<typeof checkLaws>): string | undefined {
  if (violations.length === 0) return undefined;
  return violations
    .map(
      ({ law, detail, example }) =>
        `breaks the law '${law}': ${detail} Counter-example: ${JSON.stringify(example)}`,
    )
    .join('\n');
}
