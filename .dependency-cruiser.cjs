/**
 * The folder is the import rule (DESIGN §7): core <- flow <- io <- apps. Tests may import anything.
 * The same rules judge the planted violations: see test/tidy/planted.spec.ts.
 */
const spec = '\\.spec\\.ts$';
const npm = 'node_modules';
const zodTypes = `${npm}/(zod|@standard-schema)/`;

/** Forbids a folder to import from anywhere but the places that `allowed` names. */
const only = ({ name, comment, folder, allowed, except = [] }) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: [spec, ...except] },
  to: { pathNot: allowed },
});

module.exports = {
  forbidden: [
    only({
      name: 'core-imports-only-itself',
      comment: 'libs/core decides, and imports nothing but itself; text alone may use yjs.',
      folder: 'libs/core',
      allowed: ['^libs/core/'],
      except: ['^libs/core/merge/text[^/]*\\.ts$'],
    }),
    {
      name: 'core-text-imports-only-yjs',
      comment: 'libs/core/merge/text*.ts may import yjs and nothing else from outside core.',
      severity: 'error',
      from: { path: '^libs/core/merge/text[^/]*\\.ts$', pathNot: spec },
      to: { pathNot: ['^libs/core/', `${npm}/yjs/`] },
    },
    only({
      name: 'flow-imports-only-core',
      comment: 'libs/flow moves things against ports that it owns.',
      folder: 'libs/flow',
      allowed: ['^libs/(core|flow)/'],
    }),
    only({
      name: 'declare-imports-only-core',
      comment: 'libs/declare is what a user writes in atoll.config.ts: core, and schema types.',
      folder: 'libs/declare',
      allowed: ['^libs/(core|declare)/', zodTypes],
    }),
    {
      name: 'io-knows-no-apps',
      comment: 'libs/io touches the world for flow; it knows neither the apps nor the SDK nor the test kit.',
      severity: 'error',
      from: { path: '^libs/io/', pathNot: spec },
      to: { path: ['^apps/', '^test/', '^libs/(client|kit|testcontainers)/'] },
    },
    {
      name: 'client-imports-little',
      comment:
        'The SDK runs in users processes: wire types, causality, merge and the declaration, nothing of the service.',
      severity: 'error',
      from: { path: '^libs/client/', pathNot: spec },
      to: {
        path: ['^libs/', '^apps/', '^test/'],
        pathNot: [
          '^libs/client/',
          '^libs/io/wire/',
          '^libs/core/(causality|merge)/',
          '^libs/core/parse-json',
          '^libs/declare/',
        ],
      },
    },
    {
      name: 'kit-stays-in-memory',
      comment: 'libs/kit is the simulated world: the same core and flow, no adapters, no apps.',
      severity: 'error',
      from: { path: '^libs/kit/', pathNot: spec },
      to: { path: ['^libs/(io|client|testcontainers)/', '^apps/', '^test/'] },
    },
    {
      name: 'kit-is-for-tests',
      comment: 'Nothing that a user runs may contain the test kit.',
      severity: 'error',
      from: { pathNot: [spec, '^test/', '^libs/kit/'] },
      to: { path: '^libs/kit/' },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'Programs do not depend on tests.',
      severity: 'error',
      from: { pathNot: [spec, '^test/'] },
      to: { path: ['^test/', spec] },
    },
    {
      name: 'no-circular',
      comment: 'A circle means that two files are one, or that one of them lies in the wrong place.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'An import that cannot be found escapes every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'npm-is-declared',
      comment: 'Programs import only what package.json lists as a dependency.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: [spec, '^libs/kit/'] },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: npm },
    exclude: { path: ['^dist/', '^test/tidy/planted/'] },
    tsPreCompilationDeps: true,
    moduleSystems: ['es6'],
    enhancedResolveOptions: {
      conditionNames: ['atoll-source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      mainFields: ['module', 'main', 'types', 'typings'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
