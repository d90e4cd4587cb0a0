import type { FactoryProvider, ValueProvider } from '@nestjs/common';

/** A name under which something of type `T` is provided. The type exists for the compiler only. */
export type Token<T> = symbol & { readonly __provides?: T };

export const token = <T>(name: string): Token<T> => Symbol(name);

type Provided<Tokens extends readonly Token<unknown>[]> = {
  [K in keyof Tokens]: Tokens[K] extends Token<infer T> ? T : never;
};

/** Binds a token to what a factory makes of other tokens' things: two swapped dependencies do not compile. */
export function provide<T, const Needs extends readonly Token<unknown>[]>(
  name: Token<T>,
  needs: Needs,
  make: (...given: Provided<Needs>) => T,
): FactoryProvider<T> {
  return { provide: name, inject: [...needs], useFactory: make as unknown as (...given: unknown[]) => T };
}

export function provideValue<T>(name: Token<T>, value: T): ValueProvider<T> {
  return { provide: name, useValue: value };
}
