export const pid = process.pid;
export const bytes = Buffer.from('');
export const timer = setTimeout;
