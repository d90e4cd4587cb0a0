import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grpcStatusNumbers } from '#io/wire/error-entry.js';
import { GrpcAsker } from '../../../test/rim/grpc-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const roles = ['read', 'write', 'admin', 'peer'] as const;
const headersOf = (role: string) => ({ authorization: `Bearer the-${role}-token-of-this-suite` });

let rims: MemoryRims;
let us: GrpcAsker;
beforeAll(async () => {
  rims = await MemoryRims.started(
    roles.map((role) => ({ role, name: role, token: `the-${role}-token-of-this-suite` })),
  );
  us = new GrpcAsker((await rims.listen('us')).grpc);
}, rimStartMillisMax);
afterAll(async () => {
  us?.close();
  await rims?.stop();
}, rimStartMillisMax);

describe('access over gRPC', () => {
  it.each([
    ['listEntities', { type: 'cart' }, ['read', 'write', 'admin']],
    ['deleteEntity', { type: 'cart', id: '1' }, ['write', 'admin']],
    ['getTopology', {}, ['admin']],
  ] as const)('%s is for %2$j', async (method, request, allowed) => {
    for (const role of roles) {
      if ((allowed as readonly string[]).includes(role)) await us.call(method, request, headersOf(role));
      else expect((await us.refused(method, request, headersOf(role))).code).toBe('permission_denied');
    }
    const problem = await us.refused(method, request);
    expect([problem.code, problem.status]).toEqual(['unauthenticated', grpcStatusNumbers.UNAUTHENTICATED]);
  });

  it('lets nobody follow changes without a token', async () => {
    const stream = us.stream('followChanges', {});
    const error = await new Promise<{ code: number }>((resolve) =>
      stream.on('data', () => undefined).on('error', (thrown: Error & { code: number }) => resolve(thrown)),
    );
    expect(error.code).toBe(grpcStatusNumbers.UNAUTHENTICATED);
  });
});
