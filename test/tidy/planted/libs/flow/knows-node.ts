export const pid = process.pid;
export const timer = setTimeout;
