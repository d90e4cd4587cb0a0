export function swallows(work: () => void): void {
  try {
    work();
  } catch {}
}
