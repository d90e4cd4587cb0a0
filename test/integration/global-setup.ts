/** Starts what every integration suite shares, once, and returns how to stop it. */
export default function setup(): () => void {
  return () => undefined;
}
