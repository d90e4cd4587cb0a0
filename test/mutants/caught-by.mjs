/** The tests that catch planted bugs, by where they lie. */
export const simulation = {
  project: 'sim',
  file: 'test/simulation/seeds-1.spec.ts',
  test: 'keeps every invariant and converges',
};
export const flow = (file, test) => ({ project: 'unit', file: `libs/flow/${file}`, test });
export const core = (file, test) => ({
  project: file.endsWith('.law.spec.ts') ? 'laws' : 'unit',
  file: `libs/core/${file}`,
  test,
});
