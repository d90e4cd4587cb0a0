import type { Telemetry } from '../ports/telemetry.js';

/**
 * Which types are refused on which link, because the two regions fold them differently under one version (PROTOCOL §12).
 * A type that only one side knows is not refused: its events are parked as unknown until the other side learns it.
 */
export class PolicyAgreement {
  private readonly refused = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly own: ReadonlyMap<string, string>,
    private readonly telemetry: Telemetry,
  ) {}

  hear(region: string, theirs: ReadonlyMap<string, string>): void {
    const differing = new Set<string>();
    for (const [type, hash] of theirs) {
      const ours = this.own.get(type);
      if (ours !== undefined && ours !== hash) differing.add(type);
    }
    const before = this.refused.get(region);
    for (const type of differing) {
      if (before?.has(type)) continue;
      this.telemetry.count('policy_mismatch_total', { region, type });
      this.telemetry.log('error', 'a type is refused on this link: its policies differ at the same version', {
        region,
        type,
      });
    }
    this.refused.set(region, differing);
  }

  isRefused(region: string, type: string): boolean {
    return this.refused.get(region)?.has(type) ?? false;
  }

  refusedBy(region: string): readonly string[] {
    return [...(this.refused.get(region) ?? [])].sort();
  }
}
