import { simulates } from '#kit/simulates.js';
export const wrong = simulates;
