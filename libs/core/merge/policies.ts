/** Every merge policy by the name of its constructor: the vocabulary of a declaration. */
export { addWinsMap } from './add-wins-map.js';
export { addWinsSet } from './add-wins-set.js';
export { boundedCounter } from './bounded-counter.js';
export { counter } from './counter.js';
export { custom } from './custom.js';
export { flag } from './flag.js';
export { growOnlyCounter } from './grow-only-counter.js';
export { lastWriterWins } from './last-writer-wins.js';
export { maxRegister } from './max-register.js';
export { minRegister } from './min-register.js';
export { multiValue } from './multi-value.js';
export { orderedStatus } from './ordered-status.js';
export { removeWinsSet } from './remove-wins-set.js';
export { text } from './text.js';
