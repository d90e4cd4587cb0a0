// TODO: finish
export const done = false;
