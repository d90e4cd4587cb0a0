import { serves } from '#region/serves.js';
export const wrong = serves;
