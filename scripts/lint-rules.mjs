/** Lint rules that say what this project means by its folders and names; eslint.config.js puts them to work. */

const timeAndChance = 'Time and chance come in through a port or a parameter.';
const world = 'Only libs/io and apps touch the world.';

/** V8 misreads escaped keys: see `parseJson`. */
const misread = {
  object: 'JSON',
  property: 'parse',
  message: 'parseJson reads the keys that are in the text.',
};
export const readsJson = { 'no-restricted-properties': ['error', misread] };

/** In core and flow nothing may know the time, draw a number or reach the process (DESIGN §7). */
export const outsideWorld = {
  'no-console': 'error',
  'no-restricted-globals': [
    'error',
    ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'crypto'].map(
      (name) => ({
        name,
        message: timeAndChance,
      }),
    ),
    ...['process', 'Buffer', 'fetch', 'globalThis', 'require'].map((name) => ({ name, message: world })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: timeAndChance },
    misread,
  ],
};

/** Core decides, synchronously. */
export const noAsync = [
  { selector: ':function[async=true]', message: 'Core is synchronous: it takes what is and what came.' },
  { selector: 'AwaitExpression', message: 'Core is synchronous: it takes what is and what came.' },
];

const emptyWords = '/(Manager|Helper|Helpers|Util|Utils|Impl)$/';
const sayWhatItDoes = 'Name it after what it does (STYLE).';

export const noNamesOf = [
  { selector: `ClassDeclaration[id.name=${emptyWords}]`, message: sayWhatItDoes },
  { selector: `FunctionDeclaration[id.name=${emptyWords}]`, message: sayWhatItDoes },
  { selector: `TSInterfaceDeclaration[id.name=${emptyWords}]`, message: sayWhatItDoes },
  { selector: `TSTypeAliasDeclaration[id.name=${emptyWords}]`, message: sayWhatItDoes },
  { selector: `VariableDeclarator[id.name=${emptyWords}]`, message: sayWhatItDoes },
];
