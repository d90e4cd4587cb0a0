import { describe, expect, it } from 'vitest';
import { planPorts, portBlockSize, regionsMax } from './ports.js';

const seven = ['us', 'eu', 'ap', 'sa', 'af', 'au', 'in'];

describe('the plan of ports', () => {
  it('puts each port where the documentation says', () => {
    const plan = planPorts(['us', 'eu', 'ap'], 7400);
    expect(plan.console).toBe(7400);
    expect(plan.regions['eu']).toEqual({
      http: 7411,
      grpc: 7421,
      postgres: 7441,
      kafka: 7451,
      kafkaController: 7610,
      kafkaFromPeer: { us: 7611, ap: 7613 },
    });
    expect(plan.links[0]).toEqual({ from: 'us', to: 'eu', kafka: 7500, grpc: 7501 });
    expect(plan.links).toHaveLength(6);
  });

  it('gives no port twice and none beyond its block, for as many regions as a stack may have', () => {
    expect(seven).toHaveLength(regionsMax);
    const { console: first, regions, links } = planPorts(seven, 10_000);
    const ofRegions = Object.values(regions).flatMap(({ kafkaFromPeer, ...own }) => [
      ...Object.values(own),
      ...Object.values(kafkaFromPeer),
    ]);
    const ofLinks = links.flatMap(({ kafka, grpc }) => [kafka, grpc]);
    const all = [first, ...ofRegions, ...ofLinks];
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...all)).toBeLessThan(10_000 + portBlockSize);
    expect(Math.max(...ofLinks)).toBeLessThan(10_200);
  });
});
