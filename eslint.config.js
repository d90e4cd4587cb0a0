import tseslint from 'typescript-eslint';
import { noAsync, noNamesOf, outsideWorld, readsJson } from './scripts/lint-rules.mjs';

const specs = ['**/*.spec.ts'];
const scriptFiles = ['**/*.js', '**/*.mjs', '**/*.cjs'];

/** The same rules judge the planted violations: see test/tidy/planted.spec.ts. */
export default tseslint.config(
  { ignores: ['**/node_modules/**', 'dist/**', '.cache/**', 'coverage/**', 'test/tidy/planted/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    rules: {
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
    },
  },
  { files: ['libs/**/*.ts', 'apps/**/*.ts'], ignores: specs, rules: readsJson },
  { files: ['libs/core/**/*.ts', 'libs/flow/**/*.ts'], ignores: specs, rules: outsideWorld },
  { files: ['libs/core/parse-json.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['libs/core/**/*.ts'],
    ignores: specs,
    rules: { 'no-restricted-syntax': ['error', ...noAsync, ...noNamesOf] },
  },
  {
    files: ['**/*.ts'],
    ignores: ['libs/core/**', ...specs],
    rules: { 'no-restricted-syntax': ['error', ...noNamesOf] },
  },
  {
    // Nest reads constructor types at run time: a type-only import would leave it with nothing to read.
    files: ['apps/region/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  { files: [...specs, '**/*.contract.ts', 'test/**/*.ts'], rules: { 'max-lines-per-function': 'off' } },
  { files: scriptFiles, languageOptions: { ecmaVersion: 'latest', sourceType: 'module' } },
);
