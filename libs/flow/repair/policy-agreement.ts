import { regionOf, type Actor } from '#core/causality/dot.js';
import type { Heartbeat } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';

export interface PolicyAgreementParts {
  /** Type -> policy hash, as this process declares its types. */
  readonly own: ReadonlyMap<string, string>;
  /** All other regions. */
  readonly regions: readonly string[];
  readonly telemetry: Telemetry;
  /** For so long a region's announcement is waited for. */
  readonly graceMillis: number;
  /** The policies of a region were compared for the first time, or some type is refused no more. */
  readonly onCompared: (region: string) => void;
}

/** Between two looks no more than this counts as waiting: a process that stood still has not listened. In milliseconds. */
const lookMillisMax = 500;

/**
 * Which types are refused on which link, because the two regions fold them differently under one version (PROTOCOL §12).
 * A type that only one side knows is not refused: its events are parked as unknown until the other side learns it.
 *
 * Until a region's policies were compared in this life of the process, nothing of it is folded. A region that is gone is
 * vouched for by one that declares all types as this process does, and has heard it. Where nobody can, its events are taken
 * after a while, loudly: they are all that is left of it.
 */
export class PolicyAgreement {
  private readonly refused = new Map<string, ReadonlySet<string>>();
  private readonly heardThemselves = new Set<string>();
  private readonly awaited: Set<string>;
  private waitedMillis = 0;
  private lookedAtMillis: number | undefined;

  constructor(private readonly parts: PolicyAgreementParts) {
    this.awaited = new Set(parts.regions);
  }

  hear({ region, policyHashes, compared }: Pick<Heartbeat, 'region' | 'policyHashes' | 'compared'>): void {
    const { own } = this.parts;
    const differing = new Set<string>();
    for (const [type, hash] of policyHashes) {
      const ours = own.get(type);
      if (ours !== undefined && ours !== hash) differing.add(type);
    }
    this.heardThemselves.add(region);
    this.settle(region, differing);
    if (this.awaited.size === 0 || compared === undefined) return;
    // What it says of others is about its own policies: it speaks for ours only where they are the same.
    for (const [type, ours] of own) if (policyHashes.get(type) !== ours) return;
    for (const [other, types] of compared) if (this.awaited.has(other)) this.settle(other, new Set(types));
  }

  /** Time passes: whoever nobody has spoken for is waited for no longer than the grace. */
  look(nowMillis: number): void {
    if (this.awaited.size === 0) return;
    this.waitedMillis += Math.min(nowMillis - (this.lookedAtMillis ?? nowMillis), lookMillisMax);
    this.lookedAtMillis = nowMillis;
    if (this.waitedMillis < this.parts.graceMillis) return;
    for (const region of this.awaited) {
      this.parts.telemetry.count('policy_uncompared_total', { region });
      this.parts.telemetry.log(
        'error',
        'nobody could tell the policies of a region: its events are taken unseen',
        {
          region,
        },
      );
      this.settle(region, new Set());
    }
  }

  /** Whether what this actor minted may be folded: its region's policies were compared. */
  isCompared(actor: Actor): boolean {
    return this.awaited.size === 0 || !this.awaited.has(regionOf(actor));
  }

  isRefused(region: string, type: string): boolean {
    return this.refused.get(region)?.has(type) ?? false;
  }

  refusedBy(region: string): readonly string[] {
    return [...(this.refused.get(region) ?? [])].sort();
  }

  /** What this process can vouch for: per region that it has heard itself, the types that are refused. */
  told(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.heardThemselves].map((region) => [region, this.refusedBy(region)]));
  }

  private settle(region: string, differing: ReadonlySet<string>): void {
    const before = this.refused.get(region);
    for (const type of differing) {
      if (before?.has(type)) continue;
      this.parts.telemetry.count('policy_mismatch_total', { region, type });
      this.parts.telemetry.log(
        'error',
        'a type is refused on this link: its policies differ at the same version',
        { region, type },
      );
    }
    this.refused.set(region, differing);
    this.awaited.delete(region);
    if (before === undefined || [...before].some((type) => !differing.has(type)))
      this.parts.onCompared(region);
  }
}
