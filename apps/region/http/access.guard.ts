import {
  Injectable,
  SetMetadata,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AtollError } from '#core/errors.js';
import type { BearerTokens, Role } from '#io/http/bearer-tokens.js';
import type { RimRequest } from './request.js';

const neededRole = 'atoll:needed-role';

/** The role an operation asks for; `nobody` is for what anybody may see. */
export const Needs = (role: Role | 'nobody'): CustomDecorator => SetMetadata(neededRole, role);

export function neededBy(reflector: Reflector, context: ExecutionContext): Role | 'nobody' {
  return (
    reflector.getAllAndOverride<Role | 'nobody' | undefined>(neededRole, [
      context.getHandler(),
      context.getClass(),
    ]) ?? 'admin'
  );
}

/** Lets a request pass whose caller has the role its operation asks for. What says nothing asks for `admin`. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly reflector = new Reflector();

  constructor(private readonly tokens: BearerTokens) {}

  canActivate(context: ExecutionContext): boolean {
    const needed = neededBy(this.reflector, context);
    if (needed === 'nobody') return true;
    const { caller } = context.switchToHttp().getRequest<RimRequest>();
    if (caller === undefined) throw new AtollError('unauthenticated', 'This needs a bearer token.');
    this.tokens.allow(caller, needed);
    return true;
  }
}
