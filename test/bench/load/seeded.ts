/** Uniform in [0, 1), the same sequence for the same seed. */
export type Draw = () => number;

/** Source: Tommy Ettinger's mulberry32. Good enough to spread load; nothing else depends on it. */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
