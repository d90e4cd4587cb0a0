import { describe, expect, it } from 'vitest';
import { errorCatalogue } from './error-catalogue.js';
import { grpcStatusNumbers } from './error-entry.js';
import { renderErrorsPage } from './errors-page.js';

describe('the error catalogue', () => {
  it('is what the reference page says, word for word', async () => {
    await expect(renderErrorsPage()).toMatchFileSnapshot('../../../docs/reference/errors.md');
  });

  it('gives every code an HTTP error status and a gRPC status that exists', () => {
    for (const [code, entry] of Object.entries(errorCatalogue)) {
      expect(entry.httpStatus, code).toBeGreaterThanOrEqual(400);
      expect(entry.httpStatus, code).toBeLessThan(600);
      expect(grpcStatusNumbers[entry.grpcStatus], code).toBeGreaterThan(0);
    }
  });

  it('has a title without a full stop and sentences with one', () => {
    for (const [code, entry] of Object.entries(errorCatalogue)) {
      expect(entry.title, code).not.toMatch(/\.$/);
      expect(entry.meaning, code).toMatch(/\.$/);
      expect(entry.whatToDo, code).toMatch(/\.$/);
    }
  });
});
