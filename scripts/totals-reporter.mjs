/**
 * A vitest reporter that writes what `npm test` adds up: counts, and each skipped test with the reason it gave.
 * vitest's own JSON drops the reasons, and counts neither a file that cannot load nor an error outside any test.
 */
import { writeFileSync } from 'node:fs';

export default class TotalsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const { state, note } = test.result();
        if (state === 'passed') totals.passed += 1;
        else if (state === 'failed') totals.failed += 1;
        else
          totals.skipped.push({
            test: `${module.relativeModuleId} > ${test.fullName}`,
            why: note ?? 'no reason given',
          });
      }
      const failedOutsideTests = !module.ok() && !tests.some((test) => test.result().state === 'failed');
      if (failedOutsideTests) totals.failed += 1;
    }
    writeFileSync(process.env.ATOLL_TOTALS_FILE, JSON.stringify(totals));
  }
}
