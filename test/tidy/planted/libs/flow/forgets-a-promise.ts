const send = async (): Promise<void> => {};
export function forgets(): void {
  send();
}
