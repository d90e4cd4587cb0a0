export const opens = 1;
