import type { Json } from '#core/json.js';
import type { AnyPolicy } from '#core/merge/policy.js';

declare const types: unique symbol;

/**
 * A field with its merge policy. `Value` is what a read shows, `Operation` what a write may send, without the field's
 * name; both exist for the compiler only, so that an SDK can be typed from the declaration.
 */
export interface FieldDeclaration<Value = unknown, Operation = unknown> {
  readonly policy: AnyPolicy;
  /** What the field reads as while it has no value. */
  readonly fallback?: Json;
  /**
   * Custom policies only: looks for generated histories that break a law.
   *
   * @returns what breaks, with the counter-example; `undefined` when nothing was found
   */
  readonly findBrokenLaw?: () => string | undefined;
  readonly [types]?: { readonly value: Value; readonly operation: Operation };
}

export type ValueOf<Field> = Field extends FieldDeclaration<infer Value, unknown> ? Value : never;
export type OperationOf<Field> = Field extends FieldDeclaration<unknown, infer Operation> ? Operation : never;
