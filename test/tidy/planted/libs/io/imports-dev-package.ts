import fc from 'fast-check';
export const wrong = fc;
