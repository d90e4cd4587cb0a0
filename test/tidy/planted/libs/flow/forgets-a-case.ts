export function forgets(kind: 'next' | 'early'): number {
  switch (kind) {
    case 'next':
      return 1;
  }
  return 0;
}
