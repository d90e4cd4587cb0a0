export const serves = 1;
