export async function waits(): Promise<void> {
  await Promise.resolve();
}
