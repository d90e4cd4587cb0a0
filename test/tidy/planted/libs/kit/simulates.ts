export const simulates = 1;
