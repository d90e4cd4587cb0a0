export const encoder = new TextEncoder();
export const page = document;
export const log = (): void => console.log();
