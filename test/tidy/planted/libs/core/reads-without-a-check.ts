const few: number[] = [];
export const first: number = few[0];
